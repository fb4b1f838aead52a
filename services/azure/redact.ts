const maxLength = 500
/** Long unbroken runs are pictures or tokens, never words. */
const opaqueRun = /[A-Za-z0-9+/_=-]{80,}/g

/**
 * Makes foreign text fit for a log line: bounded, on one line, without the given secrets and without anything that looks
 * like a picture or a token.
 *
 * @param secrets exact texts that must not survive (keys, the prompt); empty ones are ignored
 */
export function redact(text: string, secrets: readonly string[] = []): string {
  let clean = text.slice(0, 64 * 1024)
  for (const secret of secrets) {
    if (secret.length > 0) clean = clean.replaceAll(secret, '[redacted]')
  }
  clean = clean.replace(opaqueRun, (run) => `[${run.length} characters]`).replace(/\s+/g, ' ')
  return clean.length > maxLength ? `${clean.slice(0, maxLength)}…` : clean
}
