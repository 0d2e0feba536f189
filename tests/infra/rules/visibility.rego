# A message must not come back while its batch may still run: SQS asks for six times the function's timeout.
# (Guard cannot multiply.)
package muster.visibility

import rego.v1

# Where a property of an event source leads.
leads_to(source, property) := input.resources[edge.target] if {
    some edge in input.edges
    edge.source == source
    startswith(edge.sourcePath, property)
}

violation contains found if {
    some name, mapping in input.resources
    mapping.resourceType == "AWS::Lambda::EventSourceMapping"
    queue := leads_to(name, "Properties.EventSourceArn")
    queue.resourceType == "AWS::SQS::Queue"
    function := leads_to(name, "Properties.FunctionName")
    object.get(queue.properties, "VisibilityTimeout", 30) < 6 * object.get(function.properties, "Timeout", 3)
    found := make_diag(
        "VISIBILITY_BELOW_SIX_TIMEOUTS", "ERROR", name,
        "Give the queue a visibility timeout of six times the function's timeout, or more.",
    )
}
