-- Send the credential to AI Core now, even if nothing has changed and in spite of a wait after a failure.
local os = require("os")
if obj.metadata.annotations == nil then
  obj.metadata.annotations = {}
end
obj.metadata.annotations["aicore-registry.dev/requestedAt"] = os.date("!%Y-%m-%dT%H:%M:%SZ")
return obj
