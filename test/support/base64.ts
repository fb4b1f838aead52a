/**
 * The decoded length of canonical base64, or undefined if it is not canonical. A regular expression would overflow the
 * stack on images of megabytes.
 */
export function decodedLength(text: string): number | undefined {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  if (text.length % 4 !== 0) return undefined
  for (let at = 0; at < text.length - padding; at++) {
    const code = text.charCodeAt(at)
    const isLetter = (code >= 65 && code <= 90) || (code >= 97 && code <= 122)
    if (!isLetter && !(code >= 48 && code <= 57) && code !== 43 && code !== 47) return undefined
  }
  return (text.length / 4) * 3 - padding
}
