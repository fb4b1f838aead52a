// What the service uses and Node.js 22 or 24 lacks; in newer ones this changes nothing.
const isNative = 'setFromBase64' in Uint8Array.prototype
await import('core-js/actual/async-disposable-stack/index.js')
await import('core-js/actual/disposable-stack/index.js')
await import('core-js/actual/promise/try.js')
await import('core-js/actual/typed-array/set-from-base64.js')

/** core-js decodes 7 MB/s, which would stop everything else for half a second an image; Buffer decodes a thousand times as fast. */
if (!isNative) {
  const decodeExactly = Uint8Array.prototype.setFromBase64
  // Buffer forgives what the standard rejects: it gets only text that both read alike, without the end and its padding.
  Uint8Array.prototype.setFromBase64 = function setFromBase64(text, options) {
    const plain = text.length % 4 === 0 && options?.alphabet !== 'base64url' ? text.slice(0, -4) : ''
    if (plain === '' || this.length < (text.length / 4) * 3 || !/^[A-Za-z0-9+/]*$/.test(plain)) {
      return decodeExactly.call(this, text, options)
    }
    const head = Buffer.from(this.buffer, this.byteOffset, this.length).write(plain, 'base64')
    const { read, written } = decodeExactly.call(this.subarray(head), text.slice(-4), options)
    return { read: plain.length + read, written: head + written }
  }
}
