/** Parts of Node that its published types lack. */

declare module 'node:http' {
  interface Server {
    /** Whether a client that has ended its side still gets its response; as in `lib/_http_server.js`. */
    httpAllowHalfOpen: boolean
  }
}

declare global {
  namespace NodeJS {
    interface ProcessReport {
      /** https://nodejs.org/api/process.html#processreportexcludenetwork */
      excludeNetwork: boolean
    }
  }
}

export {}
