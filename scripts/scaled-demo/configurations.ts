import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The shipped configurations of Nginx and Prometheus, with the addresses of the demo. */

const deploy = fileURLToPath(new URL('../../deploy', import.meta.url))

/** @returns the arguments of `nginx` */
export async function configureNginx(folder: string, address: string, replicas: readonly string[]): Promise<string[]> {
  const site = replaced(await readFile(join(deploy, 'nginx/replicas.conf'), 'utf8'), {
    'listen 8000': `listen ${address}`,
    '/dev/stdout': join(folder, 'access.log'),
    'resolver 127.0.0.11 valid=5s ipv6=off;': '',
    'http://azure-image-editor:8000': 'http://replicas',
  })
  const servers = replicas.map((replica) => `server ${replica};`).join(' ')
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join(' ')
  const conf = `daemon off; ${process.getuid?.() === 0 ? 'user root;' : ''} worker_processes 1; pid ${folder}/nginx.pid;
    events {} http { ${temporary} upstream replicas { ${servers} } ${site} }`
  await writeFile(join(folder, 'nginx.conf'), conf)
  return ['-c', join(folder, 'nginx.conf'), '-e', 'stderr', '-p', folder]
}

/** @returns the arguments of `prometheus` */
export async function configurePrometheus(
  folder: string,
  address: string,
  replicas: readonly string[],
): Promise<string[]> {
  await cp(join(deploy, 'prometheus/alerts.yml'), join(folder, 'alerts.yml'))
  const config = replaced(await readFile(join(deploy, 'prometheus/prometheus.yml'), 'utf8'), {
    '"azure-image-editor:8000"': replicas.map((replica) => JSON.stringify(replica)).join(', '),
  })
  await writeFile(join(folder, 'prometheus.yml'), config)
  return [
    `--config.file=${join(folder, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(folder, 'prometheus')}`,
    `--web.listen-address=${address}`,
    '--log.level=warn',
  ]
}

/** @throws if the shipped file no longer has what is to be replaced */
function replaced(text: string, replacements: Readonly<Record<string, string>>): string {
  return Object.entries(replacements).reduce((result, [from, to]) => {
    if (!result.includes(from)) throw new Error(`the shipped configuration has no "${from}"`)
    return result.replaceAll(from, to)
  }, text)
}
