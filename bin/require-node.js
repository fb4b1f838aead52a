// Old-style JavaScript, because this must run on the Node versions that it rejects.
const required = 26
if (Number(process.versions.node.split('.')[0]) < required) {
  process.stderr.write(
    `azure-image-editor-mcp needs Node.js ${required} or newer; this is ${process.version}. ` +
      'In a clone, "npm ci" installs the right one for all npm scripts.\n',
  )
  process.exit(1)
}
