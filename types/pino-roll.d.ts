/** The part of pino-roll's options that we use; it ships no types. https://github.com/mcollina/pino-roll#options */
declare module 'pino-roll' {
  import type { EventEmitter } from 'node:events'
  import type { DestinationStream } from 'pino'

  interface Options {
    file: string
    extension?: string
    frequency?: 'daily' | 'hourly' | number
    dateFormat?: string
    size?: string
    limit?: { count?: number; removeOtherLogFiles?: boolean }
    mkdir?: boolean
    sync?: boolean
    minLength?: number
  }

  export default function roll(
    options: Options,
  ): Promise<DestinationStream & EventEmitter & { flush(): void; flushSync(): void; end(): void }>
}
