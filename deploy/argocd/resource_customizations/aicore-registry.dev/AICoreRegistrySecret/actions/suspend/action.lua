-- Send nothing to AI Core until the resource is resumed.
obj.spec.suspend = true
return obj
