import { readlinkSync } from 'node:fs'
import { Agent, get } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { raisePriority } from './process-priority.ts'

/** Polls `/health` from a worker thread, so that the driver's other work does not delay it. */
export interface HealthProbe {
  /** Ends the probe and returns the latencies in milliseconds. */
  stop(): Promise<number[]>
}

const pauseMs = 5

export async function startHealthProbe(origin: string): Promise<HealthProbe> {
  const worker = new Worker(new URL(import.meta.url), { workerData: origin })
  const { promise, resolve, reject } = Promise.withResolvers<number[]>()
  worker.once('message', resolve)
  worker.once('error', reject)
  return {
    stop() {
      worker.postMessage('stop')
      return promise
    },
  }
}

function ask(url: URL, agent: Agent): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const startedAt = performance.now()
  const request = get(url, { agent }, (response) => {
    response.resume().once('end', () => resolve(performance.now() - startedAt))
  })
  request.once('error', reject)
  return promise
}

async function probe(origin: string): Promise<number[]> {
  // The driver's own load would otherwise look like a stall of the server.
  raisePriority(Number(readlinkSync('/proc/thread-self').split('/').at(-1)), 15)
  const url = new URL('/health', origin)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const latencies: number[] = []
  let isStopped = false
  parentPort?.once('message', () => {
    isStopped = true
  })
  while (!isStopped) {
    latencies.push(await ask(url, agent))
    await setTimeout(pauseMs)
  }
  agent.destroy()
  return latencies
}

if (!isMainThread && typeof workerData === 'string') parentPort?.postMessage(await probe(workerData))
