import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { before, describe, type TestContext, test } from 'node:test'
import sharp from 'sharp'
import {
  callTool,
  docker,
  hardened,
  image,
  requireImage,
  secret,
  startContainer,
  volume,
} from '../support/containers.ts'
import { storedResults } from '../support/stored-results.ts'
import { waitFor } from '../support/wait-for.ts'

const isPng = (bytes: Buffer) => bytes.subarray(0, 8).equals(Buffer.from('89504e470d0a1a0a', 'hex'))

describe('the image', { concurrency: 2 }, () => {
  before(requireImage)

  test('is healthy without root, capabilities or a writable file system, with its key from a file', async (t: TestContext) => {
    const images = await volume(t, '/app/images')
    const logs = await volume(t, '/app/logs')
    const key = await secret(t, 'azure_api_key', 'simulated-key\n')
    const container = await startContainer(t, {
      flags: [...hardened, images.flag, logs.flag, key],
      environment: { AZURE_API_KEY: '', AZURE_API_KEY_FILE: '/run/secrets/azure_api_key' },
    })
    await container.healthy()

    const status = await docker('exec', container.name, 'cat', '/proc/1/status')
    t.assert.match(status, /^Uid:\s+1000\s+1000/m)
    t.assert.match(status, /^CapEff:\s+0{16}$/m)
    t.assert.match(status, /^NoNewPrivs:\s+1$/m)
    await t.assert.rejects(docker('exec', container.name, 'touch', '/app/dist/intruder'), /Read-only file system/)

    const made = await callTool(container.url, 'generate_image', {
      prompt: 'A beautiful sunset over mountains',
      size: '1024x1024',
      output_path: '/app/images/sunset.png',
    })
    const [line, kind, note] = made.content.map(({ text, mimeType }) => text ?? mimeType)
    t.assert.equal(line, 'Image successfully generated. Saved to server at: /app/images/sunset.png')
    t.assert.equal(kind, 'image/png')
    const id = /^Image id: (img_[0-9a-z]{26}) /.exec(note ?? '')?.[1]
    const warmer = await callTool(container.url, 'edit_image', { image: id, prompt: 'make it warmer' })
    t.assert.match(warmer.content[0]?.text ?? '', /^Image successfully edited\./)
    const saved = await readFile(join(images.folder, 'sunset.png'))
    t.assert.ok(isPng(saved))
    t.assert.equal(saved.toString('base64'), made.content[1]?.data)
    t.assert.equal((await stat(join(images.folder, 'sunset.png'))).uid, 1000)

    // WebP is converted by sharp, whose native code must load under Node's permission model.
    const webp = await sharp(saved).webp().toBuffer()
    const edited = await callTool(container.url, 'edit_image', {
      prompt: 'Make this black and white',
      image_data_base64: webp.toString('base64'),
      output_path: 'edited.png',
    })
    t.assert.match(
      edited.content[0]?.text ?? '',
      /^Image successfully edited\. Saved to server at: \/app\/images\/edited\.png/,
    )

    const [logFile = ''] = await readdir(logs.folder)
    const written = await readFile(join(logs.folder, logFile), 'utf8')
    t.assert.match(written, /request completed/)
    const said = await container.logs()
    for (const text of [said, written]) t.assert.doesNotMatch(text, /simulated-key|sunset over mountains/)
    for (const line of said.trim().split('\n')) t.assert.doesNotThrow(() => JSON.parse(line), line)
  })

  test('checks Host, Origin, credentials and the number of requests before it reads a call', async (t: TestContext) => {
    const limits = { RATE_LIMIT_PER_MINUTE: '2', MCP_API_KEYS: 'ann:ann-key-0123456789' }
    const { healthy, url } = await startContainer(t, { environment: limits })
    await healthy()
    const statusOf = async (path: string, headers: Record<string, string>) => {
      const body = '{"jsonrpc":"2.0","id":1,"method":"ping"}'
      const response = await fetch(url + path, { method: 'POST', headers: { ...json, ...headers }, body })
      await response.arrayBuffer()
      return response.status
    }
    const json = { 'content-type': 'application/json' }
    const known = { authorization: 'Bearer ann-key-0123456789' }
    for (const path of ['/', '/mcp', '/v1/images/generations']) {
      t.assert.equal(await statusOf(path, {}), 401, path)
      t.assert.equal(await statusOf(path, { ...known, origin: 'https://elsewhere.example' }), 403, path)
    }
    t.assert.equal(await statusOf('/', known), 200)
    t.assert.equal(await statusOf('/mcp', known), 200)
    t.assert.equal(await statusOf('/', known), 429)
  })

  test("confines its process to its folders by Node's permission model", async (t: TestContext) => {
    const container = await startContainer(t)
    await container.healthy()
    const flags = await docker('exec', container.name, 'sh', '-c', "tr '\\0' '\\n' < /proc/1/cmdline")
    t.assert.match(flags, /^--permission$/m)
    const probe = `
      const fs = require('node:fs')
      const outcome = (act) => { try { act(); return 'ok' } catch ({ code }) { return code } }
      console.log(JSON.stringify([
        outcome(() => fs.readFileSync('/etc/passwd')),
        outcome(() => fs.writeFileSync('/app/dist/server.js', '')),
        outcome(() => require('node:child_process').execFileSync('id')),
        outcome(() => fs.writeFileSync('/app/images/probe', '')),
        outcome(() => fs.readFileSync('/run/secrets/none')),
      ]))`
    const args = flags
      .split('\n')
      .slice(1, -1)
      .filter((flag) => flag !== 'dist/server.js')
    const said = await docker('exec', '--user', '0', container.name, 'node', ...args, '-e', probe)
    t.assert.deepEqual(JSON.parse(said), [
      'ERR_ACCESS_DENIED',
      'ERR_ACCESS_DENIED',
      'ERR_ACCESS_DENIED',
      'ok',
      'ENOENT',
    ])
  })

  test('completes the running call on SIGTERM and exits with 0', async (t: TestContext) => {
    const container = await startContainer(t, { flags: hardened })
    await container.healthy()
    const call = callTool(container.url, 'generate_image', { prompt: 'A snail fault:slow=3000', size: '256x256' })
    await waitFor('the call to run', async () => {
      const metrics = await (await fetch(`${container.url}/metrics`)).text()
      return /^image_mcp_tool_calls_in_flight 1$/m.test(metrics)
    })
    await docker('kill', '--signal', 'SIGTERM', container.name)
    t.assert.equal((await call).content[1]?.type, 'image')
    t.assert.equal(await container.exitCode(), 0)
  })

  test('stores the image of an abandoned call, and returns it to the identical call after a restart', async (t: TestContext) => {
    const images = await volume(t, '/app/images')
    const container = await startContainer(t, { flags: [...hardened, images.flag] })
    await container.healthy()
    const args = { prompt: 'A heron fault:slow=1000', size: '256x256' }
    const disconnected = new AbortController()
    callTool(container.url, 'generate_image', args, disconnected.signal).catch(() => {})
    await waitFor('the call to run', async () => {
      const metrics = await (await fetch(`${container.url}/metrics`)).text()
      return /^image_mcp_azure_requests_in_flight 1$/m.test(metrics)
    })
    disconnected.abort()
    await waitFor('the stored result', async () => (await storedResults(images.folder)).length > 0)
    await docker('kill', container.name)
    await docker('start', container.name)
    await container.healthy()
    const again = await callTool(container.url, 'generate_image', args)
    t.assert.match(again.content[2]?.text ?? '', /whose response you did not receive; nothing was paid again/)
    t.assert.equal(again.content[1]?.type, 'image')
  })

  test('runs as any user, also one without an account', async (t: TestContext) => {
    const container = await startContainer(t, { flags: ['--user', '4321:4321', ...hardened.slice(3)] })
    await container.healthy()
    const made = await callTool(container.url, 'generate_image', {
      prompt: 'A fox',
      size: '256x256',
      output_path: 'fox.png',
    })
    t.assert.match(made.content[0]?.text ?? '', /Saved to server at: \/app\/images\/fox\.png/)
  })

  test("returns the image and reports how to fix the permissions when another user owns the host's folders", async (t: TestContext) => {
    const images = await volume(t, '/app/images', { writable: false })
    const logs = await volume(t, '/app/logs', { writable: false })
    const container = await startContainer(t, { flags: [...hardened, images.flag, logs.flag] })
    await container.healthy()
    t.assert.match(await container.logs(), /sudo chown 1000:1000 images logs/)
    const ready = await fetch(`${container.url}/ready`)
    t.assert.equal(ready.status, 200)
    t.assert.match(await ready.text(), /"images":"unwritable"/)
    const made = await callTool(container.url, 'generate_image', {
      prompt: 'A fox',
      size: '256x256',
      output_path: 'fox.png',
    })
    t.assert.equal(made.content[0]?.text, 'Image successfully generated.')
    t.assert.equal(made.content[1]?.type, 'image')
    t.assert.match(
      made.content[2]?.text ?? '',
      /^The image was not saved: the server's images folder is not writable\. The/,
    )
  })

  test('saves images and logs in the folders that its variables name, and reads its key from any file', async (t: TestContext) => {
    const data = await volume(t, '/data')
    const key = (await secret(t, 'azure_api_key', 'simulated-key\n')).replace('/run/secrets/', '/etc/azure/')
    const container = await startContainer(t, {
      flags: [...hardened, data.flag, key],
      environment: {
        IMAGES_DIR: '"/data/images"',
        LOG_DIR: '/data/logs',
        AZURE_API_KEY: '',
        AZURE_API_KEY_FILE: '/etc/azure/azure_api_key',
      },
    })
    await container.healthy()
    const args = { prompt: 'A fox', size: '256x256', output_path: 'fox.png' }
    const made = await callTool(container.url, 'generate_image', args)
    t.assert.match(made.content[0]?.text ?? '', /Saved to server at: \/data\/images\/fox\.png/)
    t.assert.equal((await readdir(join(data.folder, 'logs'))).length, 1)
    t.assert.doesNotMatch(await container.logs(), /not writable/)
  })

  test('with --check runs under the permission flags of the service, and prints the configuration', async (t: TestContext) => {
    const environment = { AZURE_API_KEY: '', AZURE_API_KEY_FILE: '/run/secrets/none' }
    const rejected = await startContainer(t, { environment, command: ['--check'] })
    t.assert.equal(await rejected.exitCode(), 1)
    t.assert.match(await rejected.logs(), /AZURE_API_KEY_FILE: names a file that cannot be read .*ENOENT/)
    const accepted = await startContainer(t, { command: ['--check'] })
    t.assert.equal(await accepted.exitCode(), 0)
    t.assert.match(await accepted.logs(), /^AZURE_DEPLOYMENT_NAME=FLUX\.1-Kontext-pro$/m)
  })

  test('exits with 1 and every problem of an invalid configuration', async (t: TestContext) => {
    const container = await startContainer(t, {
      environment: { AZURE_API_KEY: '', AZURE_BASE_URL: 'nowhere', LOG_LEVEL: 'loud' },
    })
    t.assert.equal(await container.exitCode(), 1)
    const said = await container.logs()
    for (const name of ['AZURE_API_KEY', 'AZURE_BASE_URL', 'LOG_LEVEL'])
      t.assert.match(said, new RegExp(`^ *${name}:`, 'm'))
  })

  test('accepts values with the quotes that docker --env-file preserves', async (t: TestContext) => {
    const container = await startContainer(t, {
      environment: { AZURE_API_KEY: '"simulated-key"', LOG_LEVEL: '"debug"' },
    })
    await container.healthy()
    const made = await callTool(container.url, 'generate_image', { prompt: 'A fox', size: '256x256' })
    t.assert.equal(made.isError, undefined)
  })

  test('has the studio', async (t: TestContext) => {
    const container = await startContainer(t)
    await container.healthy()
    t.assert.match(await (await fetch(`${container.url}/studio`)).text(), /<div id="studio">/)
  })

  test('contains production dependencies, the bundle and labels, and no sources, tests, npm or compilers', async (t: TestContext) => {
    const listed = await docker('run', '--rm', '--network', 'none', '--entrypoint', 'ls', image, '-A', '/app')
    t.assert.deepEqual(listed.split('\n').sort(), [
      '.npmrc',
      'bin',
      'dist',
      'images',
      'logs',
      'node_modules',
      'package-lock.json',
      'package.json',
    ])
    const modules = await docker('run', '--rm', '--network', 'none', '--entrypoint', 'ls', image, '/app/node_modules')
    t.assert.doesNotMatch(modules, /^typescript$/m)
    const tools = 'for tool in npm npx corepack yarn cc gcc g++ make python3; do command -v $tool; done; true'
    t.assert.equal(await docker('run', '--rm', '--network', 'none', '--entrypoint', 'sh', image, '-c', tools), '')
    const sources = 'find /app -not -path "/app/node_modules/*" \\( -name "*.ts" -o -name "*.map" -o -name "*test*" \\)'
    t.assert.equal(await docker('run', '--rm', '--network', 'none', '--entrypoint', 'sh', image, '-c', sources), '')
    const sizes = 'du -sm /app/dist /app/node_modules /usr/local/bin/node /usr/lib /usr/share'
    t.diagnostic(await docker('run', '--rm', '--network', 'none', '--entrypoint', 'sh', image, '-c', sizes))
    t.diagnostic(`${await docker('image', 'inspect', '--format', '{{.Size}}', image)} bytes`)
    const labels = JSON.parse(await docker('image', 'inspect', '--format', '{{json .Config.Labels}}', image))
    t.assert.equal(labels['org.opencontainers.image.title'], 'azure-image-editor-mcp')
    t.assert.equal(labels['org.opencontainers.image.licenses'], 'MIT')
  })
})
