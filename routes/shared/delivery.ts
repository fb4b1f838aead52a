import { Socket } from 'node:net'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import {
  createDelivery,
  type Delivery,
  type DeliveryListener,
  type DeliveryStep,
} from '../../services/calls/delivery.ts'
import { isForwarded } from '../../services/net/forwarding-headers.ts'

export interface DeliveryTimes {
  /** Milliseconds for a reset to arrive after what looked like a clean end: a few round trips. */
  settleMs: number
  /** Milliseconds for a client to end a connection that the server has ended. */
  lingerMs: number
}

type DeliveryOf = (request: FastifyRequest, reply: FastifyReply) => Delivery

/** One for each server: two doors may share a connection. */
const trackers = new WeakMap<object, DeliveryOf>()

/**
 * Reports what clients over HTTP prove of their responses: by their next request on the connection, or by ending it in
 * order after the last byte. A reset after the last byte went to the kernel means that it was not read to the end.
 * @returns the delivery of a request's response
 */
export function trackDeliveries(fastify: FastifyInstance, times: DeliveryTimes): DeliveryOf {
  const tracker = trackers.get(fastify.server) ?? createTracker(fastify, times)
  trackers.set(fastify.server, tracker)
  return tracker
}

function createTracker({ server, config }: FastifyInstance, times: DeliveryTimes): DeliveryOf {
  const openedAtOf = new WeakMap<object, number>()
  const watches = new WeakMap<object, SocketWatch>()
  server.on('connection', (socket) => void openedAtOf.set(socket, performance.now()))
  server.on('request', ({ socket }) => watches.get(socket)?.nextRequest())

  function track({ raw: { socket, headers } }: FastifyRequest, { raw }: FastifyReply, report: DeliveryListener): void {
    if (raw.destroyed || !(socket instanceof Socket)) {
      // Without a socket the response is handed over within the process.
      report(raw.destroyed ? { state: 'abandoned' } : { state: 'delivered', proof: 'clean_end' })
      return
    }
    const isProxied = config.server.trustedProxies.has(socket.remoteAddress) || isForwarded(headers)
    lingerAfterEnd(socket, times.lingerMs)
    raw.once('close', () => {
      if (!raw.writableFinished) report({ state: 'abandoned' })
    })
    raw.once('finish', () => {
      const watch = watches.get(socket) ?? watchSocket(socket, times.settleMs, () => watches.delete(socket))
      watches.set(socket, watch)
      watch.add(report)
      // A client that ended its side before may be gone, and so may the client behind a proxy that did.
      if (isProxied && !socket.readableEnded) watch.settle('proxy')
    })
  }

  return (request, reply) => {
    const openedAt = openedAtOf.get(request.raw.socket) ?? 0
    const delivery = createDelivery(openedAt, () => track(request, reply, delivery.report))
    return delivery
  }
}

/**
 * If the connection ends with the response, Node closes it as soon as the kernel has the last byte, and the client's end
 * or reset would not be seen. This ends our side at once and waits a while for the client's.
 */
function lingerAfterEnd(socket: Socket, lingerMs: number): void {
  socket.destroySoon = function endAndLinger() {
    socket.end()
    const timer = setTimeout(() => socket.destroy(), lingerMs).unref()
    socket.once('close', () => clearTimeout(timer))
  }
}

interface SocketWatch {
  add(report: DeliveryListener): void
  /** The responses look delivered; they are unless a reset follows. */
  settle(proof: 'clean_end' | 'proxy'): void
  /** A request came on the connection; from a proxy it may be that of another client. */
  nextRequest(): void
  conclude(step: DeliveryStep): void
}

/** Watches a connection from the last byte of a response on. */
function watchSocket(socket: Socket, settleMs: number, forget: () => void): SocketWatch {
  const reports: DeliveryListener[] = []
  // The HTTP server ends a connection as soon as its client does; a reset that follows would then not be seen.
  const endListeners = socket.rawListeners('end')
  socket.removeAllListeners('end')
  let settling: { proof: 'clean_end' | 'proxy'; timer: NodeJS.Timeout } | undefined
  let hasEnded = false

  const announce = (step: DeliveryStep) => {
    for (const report of reports) report(step)
  }
  const watch: SocketWatch = {
    add(report) {
      reports.push(report)
      report({ state: 'sent' })
      if (socket.destroyed) closed()
    },
    settle(proof) {
      if (settling !== undefined) return
      settling = { proof, timer: setTimeout(probe, settleMs, proof) }
      announce({ state: 'settling' })
    },
    nextRequest() {
      watch.conclude({ state: 'delivered', proof: settling?.proof === 'proxy' ? 'proxy' : 'next_request' })
    },
    conclude(step) {
      clearTimeout(settling?.timer)
      socket.off('end', ended).off('close', closed)
      forget()
      announce(step)
      if (socket.destroyed) return
      for (const listener of endListeners) {
        if (hasEnded) listener.call(socket)
        else socket.on('end', listener)
      }
    },
  }

  function ended(): void {
    hasEnded = true
    watch.settle('clean_end')
  }
  /** An empty write sends nothing, but fails once the client has reset the connection. */
  function probe(proof: 'clean_end' | 'proxy'): void {
    const delivered: DeliveryStep = { state: 'delivered', proof }
    if (socket.writableEnded) watch.conclude(delivered)
    else socket.write('', (error) => watch.conclude(error == null ? delivered : { state: 'abandoned' }))
  }
  function closed(): void {
    if (socket.errored != null) watch.conclude({ state: 'abandoned' })
    else if (settling !== undefined) watch.conclude({ state: 'delivered', proof: settling.proof })
    // Closed from this side: nothing is proven.
    else forget()
  }
  socket.on('end', ended).on('close', closed)
  return watch
}
