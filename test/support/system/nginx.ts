import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { Agent, request as send } from 'undici'
import { freePorts } from '../free-ports.ts'
import { temporaryFolder } from '../temporary-folder.ts'
import { waitFor } from '../wait-for.ts'
import { type Program, requireProgram, root, run, startProgram } from './processes.ts'

/** Nginx in front of the service, with the shipped configuration. */

export interface NginxProxy {
  program: Program
  /** Plain HTTP, which redirects. */
  httpUrl: string
  httpsUrl: string
  /** Sends a request and trusts the test's certificate. */
  send(path: string, options?: ProxyRequest): ReturnType<typeof send>
  /** What it has logged: requests and errors. */
  logged(): Promise<string>
}

export interface ProxyRequest {
  method?: 'GET' | 'HEAD' | 'POST' | 'PUT'
  headers?: Record<string, string>
  body?: string | Buffer
  /** A second loopback address, which distinguishes the caller from Nginx. */
  from?: string
}

/**
 * Starts Nginx on free ports. Only paths, ports and addresses of the shipped file are replaced, and each must be there;
 * `change` is for tests of what a setting is good for.
 */
export async function startNginx(
  t: TestContext,
  serviceUrl: string,
  change: (conf: string) => string = (conf) => conf,
): Promise<NginxProxy> {
  await requireProgram('nginx')
  await requireProgram('openssl')
  const folder = await temporaryFolder(t)
  const [httpPort = 0, httpsPort = 0] = await freePorts(2)
  await makeCertificate(folder)

  const shipped = await readFile(join(root, 'deploy/nginx/azure-image-editor.conf'), 'utf8')
  const replacements: readonly [string, string][] = [
    ['listen 80 default_server', `listen 127.0.0.1:${httpPort} default_server`],
    ['listen 443 ssl default_server', `listen 127.0.0.1:${httpsPort} ssl default_server`],
    ['    listen [::]:80 default_server;\n', ''],
    ['    listen [::]:443 ssl default_server;\n', ''],
    ['/etc/nginx/ssl', folder],
    ['/var/log/nginx/access.log', join(folder, 'access.log')],
    ['http://azure-image-editor:8000', serviceUrl],
  ]
  const conf = replacements.reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`the shipped configuration has no "${from}"`)
    return text.replaceAll(from, to)
  }, shipped)
  await writeFile(join(folder, 'site.conf'), change(conf))
  await writeFile(join(folder, 'nginx.conf'), frame(folder))

  const program = startProgram(t, 'nginx', ['-c', join(folder, 'nginx.conf'), '-e', 'stderr', '-p', folder])
  const certificate = await readFile(join(folder, 'tls.crt'))
  const httpsUrl = `https://localhost:${httpsPort}`
  const sendTo: NginxProxy['send'] = (path, { method = 'POST', headers = {}, body, from } = {}) => {
    const dispatcher = new Agent({
      connect: { ca: certificate },
      ...(from === undefined ? {} : { localAddress: from }),
      headersTimeout: 120_000,
      bodyTimeout: 120_000,
    })
    t.after(() => dispatcher.close())
    return send(`${httpsUrl}${path}`, {
      dispatcher,
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body }),
    })
  }
  const logged = async () => (await readFile(join(folder, 'access.log'), 'utf8')) + program.said
  await waitFor(
    'Nginx to respond',
    async () => {
      const { statusCode, body } = await sendTo('/health', { method: 'GET' })
      await body.dump()
      return statusCode === 200
    },
    { explain: () => program.said },
  )
  return { program, httpUrl: `http://localhost:${httpPort}`, httpsUrl, send: sendTo, logged }
}

/** Nginx that sends requests to the replicas in turn, also to one that has just failed. */
export async function startNginxInFront(t: TestContext, replicas: readonly { url: string }[]): Promise<NginxProxy> {
  const servers = replicas.map(({ url }) => `server ${new URL(url).host} max_fails=0;`).join(' ')
  return await startNginx(t, 'http://replicas', (conf) => `upstream replicas { ${servers} }\n${conf}`)
}

async function makeCertificate(folder: string): Promise<void> {
  await run('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'],
    ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'],
    ...['-keyout', join(folder, 'tls.key'), '-out', join(folder, 'tls.crt')],
  ])
}

/** A distribution's nginx.conf, with every path in the test's folder. */
function frame(folder: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `
    daemon off;
    ${process.getuid?.() === 0 ? 'user root;' : ''}
    worker_processes 1;
    pid ${folder}/nginx.pid;
    events {}
    http {
      access_log off;
      ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n')}
      include ${folder}/site.conf;
    }
  `
}
