import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

export interface StdioClient {
  readonly pid: number
  /** Resolves with the line of the response; never for a request that was cancelled. */
  request(id: number, message: string): Promise<string>
  cancel(id: number): void
  /** Ends the input, and resolves with the exit code. */
  end(): Promise<number | null>
  kill(): void
}

/** The service as a client of MCP starts it. */
export function startStdio(environment: Readonly<Record<string, string>>): StdioClient {
  const child = spawn(process.execPath, ['server.ts', '--stdio'], {
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const pending = new Map<number, (line: string) => void>()
  createInterface({ input: child.stdout, crlfDelay: Number.POSITIVE_INFINITY }).on('line', (line) => {
    const id = Number(/"id":(\d+)/.exec(line.slice(0, 100))?.[1])
    pending.get(id)?.(line)
    pending.delete(id)
  })
  return {
    pid: child.pid ?? 0,
    request(id, message) {
      const { promise, resolve } = Promise.withResolvers<string>()
      pending.set(id, resolve)
      child.stdin.write(`${message}\n`)
      return promise
    },
    cancel(id) {
      const params = { requestId: id }
      child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params })}\n`)
      pending.delete(id)
    },
    async end() {
      child.stdin.end()
      const [code] = await exited
      return code
    },
    kill: () => void child.kill('SIGKILL'),
  }
}
