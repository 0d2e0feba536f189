"""Addresses at which a cloud serves its own machines: credentials, above all.

Most lie in blocks that are refused anyway; the list names them, and holds those that look public.
"""

from __future__ import annotations

METADATA: dict[str, str] = {
    "169.254.169.254": "instance metadata of AWS, Google Cloud, Azure, Oracle and others",
    "fd00:ec2::254": "instance metadata of AWS",
    "169.254.170.2": "task credentials of AWS ECS",
    "169.254.170.23": "pod credentials of AWS EKS",
    "fd00:ec2::23": "pod credentials of AWS EKS",
    "169.254.169.253": "resolver of an AWS VPC",
    "fd00:ec2::253": "resolver of an AWS VPC",
    "169.254.169.123": "time service of AWS",
    "fd00:ec2::123": "time service of AWS",
    "fd20:ce::254": "instance metadata of Google Cloud",
    "168.63.129.16": "platform services of Azure",
    "192.0.0.192": "instance metadata of Oracle Cloud",
    "100.100.100.200": "instance metadata of Alibaba Cloud",
    "169.254.0.23": "instance metadata of Tencent Cloud",
    "169.254.42.42": "instance metadata of Scaleway",
    "fd00:42::42": "instance metadata of Scaleway",
    "fe80::a9fe:a9fe": "instance metadata of OpenStack",
}
