// Old-style JavaScript, because this must run on the Node versions that it rejects.
const required = 26
if (Number(process.versions.node.split('.')[0]) < required) {
  process.stderr.write(
    `azure-image-editor-mcp needs Node.js ${required} or newer, and this is ${process.version}: ` +
      `run "npx -y -p node@${required} -p azure-image-editor-mcp azure-image-editor-mcp", or in a clone "npm ci".\n`,
  )
  process.exit(1)
}
