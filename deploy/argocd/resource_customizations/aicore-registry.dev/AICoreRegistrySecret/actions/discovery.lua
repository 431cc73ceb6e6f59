-- Which actions a user is offered.
local suspended = obj.spec.suspend == true
local deleting = obj.metadata.deletionTimestamp ~= nil

return {
  -- A suspended resource would answer without asking AI Core anything.
  ["sync"] = { ["disabled"] = suspended or deleting, ["iconClass"] = "fa fa-fw fa-sync-alt" },
  ["suspend"] = { ["disabled"] = suspended or deleting, ["iconClass"] = "fa fa-fw fa-pause" },
  ["resume"] = { ["disabled"] = not suspended or deleting, ["iconClass"] = "fa fa-fw fa-play" },
}
