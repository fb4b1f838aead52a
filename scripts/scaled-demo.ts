import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/**
 * `npm run demo:scaled`: the whole stack on this machine (scaled-demo/stack.ts).
 *
 * The stack has a process group of its own, so that Ctrl-C reaches only this process. The end of the pipe tells the stack to
 * stop in order, also when this process is killed; what a failure left running is killed with the group.
 */
const script = fileURLToPath(new URL('scaled-demo/stack.ts', import.meta.url))
const stack = spawn(process.execPath, [script], { stdio: ['pipe', 'inherit', 'inherit'], detached: true })
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => stack.stdin.end())
const [code] = await once(stack, 'exit')
try {
  process.kill(-(stack.pid ?? Number.NaN), 'SIGKILL')
} catch {
  // Nothing is left.
}
process.exitCode = code ?? 1
