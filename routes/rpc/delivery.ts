import { Socket } from 'node:net'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { createDelivery, type Delivery, type DeliveryStep, type ResponsePath } from '../../services/calls/delivery.ts'

export interface DeliveryTracker {
  /** The way back to the client that sent this request. */
  pathOf(request: FastifyRequest, reply: FastifyReply): ResponsePath
}

export interface DeliveryTimes {
  /** Milliseconds for a reset to arrive after what looked like a clean end: a few round trips. */
  settleMs: number
  /** Milliseconds for a client to end a connection that the server has ended. */
  lingerMs: number
}

/** Headers that only intermediaries add. */
const forwardingHeaders = ['x-forwarded-for', 'forwarded', 'via', 'x-real-ip'] as const

type Advance = (step: DeliveryStep) => void

/**
 * Finds out what clients prove of their responses over HTTP: by their next request on the connection, or by ending it in
 * order after the last byte. A reset after the last byte went to the kernel means that it was not read to the end.
 */
export function trackDeliveries({ server, trustedProxies }: FastifyInstance, times: DeliveryTimes): DeliveryTracker {
  const openedAt = new WeakMap<object, number>()
  const watches = new WeakMap<object, SocketWatch>()
  server.on('connection', (socket) => void openedAt.set(socket, performance.now()))
  server.on('request', ({ socket }) => watches.get(socket)?.conclude({ state: 'delivered', proof: 'next_request' }))

  function track({ raw: { socket, headers } }: FastifyRequest, { raw }: FastifyReply): Delivery {
    const { delivery, advance } = createDelivery()
    if (raw.destroyed || !(socket instanceof Socket)) {
      // Without a socket the response is handed over within the process.
      advance(raw.destroyed ? { state: 'abandoned' } : { state: 'delivered', proof: 'clean_end' })
      return delivery
    }
    const isProxied =
      trustedProxies.has(socket.remoteAddress) || forwardingHeaders.some((name) => headers[name] !== undefined)
    lingerAfterEnd(socket, times.lingerMs)
    raw.once('close', () => {
      if (!raw.writableFinished) advance({ state: 'abandoned' })
    })
    raw.once('finish', () => {
      const watch = watches.get(socket) ?? watchSocket(socket, times.settleMs, () => watches.delete(socket))
      watches.set(socket, watch)
      watch.add(advance)
      if (isProxied) watch.settle('proxy')
    })
    return delivery
  }

  return {
    pathOf(request, reply) {
      let delivery: Delivery | undefined
      return {
        openedAt: openedAt.get(request.raw.socket) ?? 0,
        track: () => {
          delivery ??= track(request, reply)
          return delivery
        },
      }
    },
  }
}

/**
 * Where the connection ends with the response, Node closes it as soon as the kernel has the last byte, and neither the
 * client's end nor its reset would be seen. This sends our end at once and waits a while for the client's.
 */
function lingerAfterEnd(socket: Socket, lingerMs: number): void {
  socket.destroySoon = function endAndLinger() {
    socket.end()
    const timer = setTimeout(() => socket.destroy(), lingerMs).unref()
    socket.once('close', () => clearTimeout(timer))
  }
}

interface SocketWatch {
  add(advance: Advance): void
  /** The responses look delivered; they are unless a reset follows. */
  settle(proof: 'clean_end' | 'proxy'): void
  conclude(step: DeliveryStep): void
}

/** Watches a connection from the last byte of a response on. */
function watchSocket(socket: Socket, settleMs: number, forget: () => void): SocketWatch {
  const advances: Advance[] = []
  // The HTTP server ends a connection as soon as its client does; a reset that follows would then go unseen.
  const endListeners = socket.rawListeners('end')
  socket.removeAllListeners('end')
  let settling: { proof: 'clean_end' | 'proxy'; timer: NodeJS.Timeout } | undefined
  let hasEnded = false

  const announce = (step: DeliveryStep) => {
    for (const advance of advances) advance(step)
  }
  const watch: SocketWatch = {
    add(advance) {
      advances.push(advance)
      advance({ state: 'sent' })
      if (socket.destroyed) closed()
    },
    settle(proof) {
      if (settling !== undefined) return
      settling = { proof, timer: setTimeout(probe, settleMs, proof) }
      announce({ state: 'settling' })
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
  /** Writing nothing puts nothing on the wire, but fails once the client has reset the connection. */
  function probe(proof: 'clean_end' | 'proxy'): void {
    const delivered: DeliveryStep = { state: 'delivered', proof }
    if (socket.writableEnded) watch.conclude(delivered)
    else socket.write('', (error) => watch.conclude(error == null ? delivered : { state: 'abandoned' }))
  }
  function closed(): void {
    if (socket.errored != null) watch.conclude({ state: 'abandoned' })
    else if (settling !== undefined) watch.conclude({ state: 'delivered', proof: settling.proof })
    // Closed from this side: nothing was proved.
    else forget()
  }
  socket.on('end', ended).on('close', closed)
  return watch
}
