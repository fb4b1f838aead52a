import type { HostAbilities } from './bridge/bridge.ts'

/** What a browser can for the studio. Frames of hosts can neither. */
export const pageAbilities: HostAbilities = {
  async saveFile({ name, mimeType, bytes }) {
    const url = URL.createObjectURL(new Blob([bytes], { type: mimeType }))
    const link = document.createElement('a')
    link.href = url
    link.download = name
    link.click()
    // The download has started with the click, and reads the address once.
    setTimeout(() => URL.revokeObjectURL(url), 60_000)
  },
  async openLink(url) {
    window.open(url, '_blank', 'noopener,noreferrer')
  },
}
