// Node.js's compile cache knows a module by its path. The jsii kernel puts the CDK's into a folder of a random
// name, so that 800 modules would be compiled and kept anew in each synth: 14 MB that nothing ever finds again.
// Here the folder's name is the first that nobody has; the kernel removes it at its end as before.
"use strict";

const fs = require("node:fs");
const path = require("node:path");

const random = fs.mkdtempSync;

fs.mkdtempSync = (prefix, ...options) => {
  if (path.basename(prefix) !== "jsii-kernel-") return random(prefix, ...options);
  for (let number = 0; ; number++) {
    try {
      fs.mkdirSync(`${prefix}${number}`, { mode: 0o700 });
      return `${prefix}${number}`;
    } catch (taken) {
      if (taken.code !== "EEXIST") throw taken;
    }
  }
};
