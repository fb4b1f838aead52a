// Starts the service of an MCPB bundle. Old-style JavaScript, because desktop apps run it with whatever Node.js they find:
// Claude Desktop with its own or the first of the PATH. https://github.com/modelcontextprotocol/mcpb/issues/130
// The scheme node: is younger than the oldest that is met.
// biome-ignore-start lint/style/useNodejsImportProtocol: as above
const { execFileSync, spawn } = require('child_process')
const path = require('path')
const { pathToFileURL } = require('url')
// biome-ignore-end lint/style/useNodejsImportProtocol: as above

/** Older ones lack node:sqlite, or cannot run undici. */
const required = [22, 19]

function isNewEnough(version) {
  const [major, minor] = version.replace(/^v/, '').split('.').map(Number)
  return major > required[0] || (major === required[0] && minor >= required[1])
}

if (isNewEnough(process.versions.node)) start()
else {
  const node = findNode()
  if (node === undefined) explain()
  else restart(node)
}

function start() {
  prepareEnvironment()
  if (!process.argv.includes('--stdio')) process.argv.push('--stdio')
  const load = (file) => import(pathToFileURL(path.join(__dirname, file)).href)
  load('dist/older-node.js')
    .then(() => load('dist/server.js'))
    .catch((error) => {
      process.stderr.write(`${error.stack}\n`)
      process.exit(1)
    })
}

/** The app fills in what its user has entered; where that is nothing it leaves the reference, or writes what JavaScript has for it. */
function prepareEnvironment() {
  for (const [name, value] of Object.entries(process.env)) {
    if (/^(?:AZURE|IMAGES)_/.test(name) && /^(?:undefined|null|\$\{user_config\.\w+\})?$/.test(value))
      delete process.env[name]
  }
  // Without a key, the identity of the user: az login, for instance.
  if (!process.env.AZURE_API_KEY && !process.env.AZURE_API_KEY_FILE && !process.env.AZURE_AUTH) {
    process.env.AZURE_AUTH = 'entra'
  }
  // Another program's: the bundle has no driver for it.
  delete process.env.DATABASE_URL
}

/** The first Node.js in the PATH that can run the service. */
function findNode() {
  const file = process.platform === 'win32' ? 'node.exe' : 'node'
  for (const folder of (process.env.PATH || '').split(path.delimiter)) {
    // A relative folder would be one of whatever is the working directory.
    if (!path.isAbsolute(folder)) continue
    const node = path.join(folder, file)
    try {
      const options = { encoding: 'utf8', timeout: 5000, stdio: ['ignore', 'pipe', 'ignore'] }
      if (isNewEnough(execFileSync(node, ['-p', 'process.versions.node'], options).trim())) return node
    } catch (_error) {
      // Not there, or not one that runs.
    }
  }
  return undefined
}

function restart(node) {
  const child = spawn(node, [__filename].concat(process.argv.slice(2)), { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code) => process.exit(code === null ? 1 : code))
}

/** Answers the handshake with the reason, because many clients show only that. */
function explain() {
  const message =
    `Azure Image Editor needs Node.js ${required.join('.')} or newer; the app started it with ${process.version}. ` +
    'Update the app, or let it use its built-in Node.js, or install a newer one from https://nodejs.org.'
  process.stderr.write(`${message}\n`)
  let received = ''
  process.stdin.setEncoding('utf8').on('data', (text) => {
    received += text
    if (received.length > 1048576) process.exit(1)
    if (!received.includes('\n')) return
    const id = idOf(received.split('\n')[0])
    const response = { jsonrpc: '2.0', id, error: { code: -32603, message } }
    process.stdout.write(`${JSON.stringify(response)}\n`, () => process.exit(1))
  })
  process.stdin.on('end', () => process.exit(1))
}

function idOf(line) {
  try {
    const { id } = JSON.parse(line)
    return id === undefined ? null : id
  } catch (_error) {
    return null
  }
}
