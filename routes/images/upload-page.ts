import type { UploadTicket } from '../../services/library/uploads/upload-tokens.ts'
import { escapeHtml } from '../../services/net/escape-html.ts'
import { inlineSource } from '../../services/net/inline-sources.ts'
import type { UploadTexts } from './upload-texts.ts'

const style = `
:root { color-scheme: light dark; --line: light-dark(#8a93a3, #5a6270); --soft: light-dark(#f3f5f8, #1c2028); --ink: light-dark(#1b1f27, #e6e9ef); --accent: light-dark(#0b5cad, #7db8ff); --bad: light-dark(#a1260d, #ff9a85) }
body { font: 16px/1.6 system-ui, sans-serif; max-width: 40rem; margin: 0 auto; padding: 1.5rem 1rem; color: var(--ink); background: light-dark(#fff, #12151b) }
h1 { font-size: 1.5rem }
#drop { display: grid; gap: .6rem; justify-items: center; align-content: center; min-height: 14rem; padding: 1rem; text-align: center; border: 2px dashed var(--line); border-radius: 1rem; background: var(--soft) }
#drop.over { border-color: var(--accent); border-style: solid }
label, button { display: inline-block; min-height: 44px; padding: 0 1.2rem; font: inherit; font-weight: 600; line-height: 44px; border: 0; border-radius: .6rem; cursor: pointer; color: light-dark(#fff, #12151b); background: var(--accent) }
label:focus-within, button:focus-visible { outline: 3px solid var(--ink); outline-offset: 2px }
input[type=file] { position: absolute; width: 1px; height: 1px; opacity: 0 }
label.key { padding: 0; color: inherit; background: none }
input.key { box-sizing: border-box; min-height: 44px; width: 100%; padding: 0 .8rem; font: inherit; border: 1px solid var(--line); border-radius: .5rem }
progress { width: 100%; height: 1rem }
#error { color: var(--bad); font-weight: 600 }
code { display: block; padding: .6rem .8rem; overflow-wrap: anywhere; user-select: all; font: .95rem ui-monospace, monospace; border: 1px solid var(--line); border-radius: .5rem }
[hidden] { display: none !important }
`

// XMLHttpRequest reports the progress of an upload, which fetch does not.
const script = `
const texts = JSON.parse(document.getElementById('texts').textContent)
const by = (id) => document.getElementById(id)
const show = (id, isShown) => { by(id).hidden = !isShown }
let isBusy = false
function fail(message) {
  isBusy = false
  by('error').textContent = message
  show('progress', false); show('drop', true)
}
function send(file) {
  if (!file || isBusy) return
  const key = by('key')?.value.trim()
  if (key === '') { by('key').focus(); return fail(texts.keyHint) }
  isBusy = true
  by('error').textContent = ''
  by('bar').value = 0
  show('drop', false); show('progress', true)
  const request = new XMLHttpRequest()
  request.open('PUT', location.pathname)
  request.responseType = 'json'
  try { if (key) request.setRequestHeader('X-API-Key', key) } catch { return fail(texts.keyHint) }
  request.upload.onprogress = ({ loaded, total }) => { by('bar').value = total ? loaded / total : 0 }
  request.onerror = () => fail(texts.failed)
  request.onload = () => {
    if (request.status !== 201) return fail(request.response?.message ?? texts.failed)
    by('id').textContent = request.response.id
    show('progress', false); show('result', true)
    by('result').focus()
  }
  request.send(file)
}
const imageIn = (items) => [...(items ?? [])].find(({ kind }) => kind === 'file')?.getAsFile()
by('file').onchange = ({ target }) => { send(target.files[0]); target.value = '' }
addEventListener('dragover', (event) => { event.preventDefault(); by('drop').classList.add('over') })
addEventListener('dragleave', () => by('drop').classList.remove('over'))
addEventListener('drop', (event) => { event.preventDefault(); by('drop').classList.remove('over'); send(event.dataTransfer.files[0]) })
addEventListener('paste', (event) => send(imageIn(event.clipboardData?.items)))
by('copy').onclick = async () => {
  getSelection().selectAllChildren(by('id'))
  // Only pages of HTTPS have the clipboard's own interface.
  const copy = navigator.clipboard?.writeText(by('id').textContent) ?? Promise.reject()
  const isCopied = await copy.then(() => true, () => document.execCommand('copy'))
  if (isCopied) by('copy').textContent = texts.copied
}
`

/** Of the page: nothing but its own style and script, and requests to its own address. */
export const uploadPagePolicy = {
  useDefaults: false,
  directives: {
    defaultSrc: ["'none'"],
    styleSrc: [inlineSource(style)],
    scriptSrc: [inlineSource(script)],
    connectSrc: ["'self'"],
    baseUri: ["'none'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
  },
}

const MEGABYTE = 1_000_000

/**
 * The page at `GET /uploads/{token}`. It sends to the address under which it was opened, whatever prefix a proxy gave that.
 * @param ticket undefined: the address cannot be used
 * @param hasKeys whether callers have keys @param maxBytes of an image
 */
export function uploadPage(
  ticket: UploadTicket | undefined,
  { maxBytes, hasKeys }: { maxBytes: number; hasKeys: boolean },
  texts: UploadTexts,
): string {
  const megabytes = (maxBytes / MEGABYTE).toFixed(0)
  const asksKey = hasKeys && ticket?.isForOwner === true
  const title = ticket === undefined ? texts.closed : texts.title[ticket.purpose]
  return `<!doctype html>
<html lang="${texts.lang}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
<main>
<h1>${escapeHtml(title)}</h1>
${ticket === undefined ? `<p>${escapeHtml(texts.closedHint)}</p>` : formHtml(megabytes, asksKey, texts)}
</main>
</html>
`
}

function keyHtml({ key, keyHint }: UploadTexts): string {
  return `<p><label class="key" for="key">${escapeHtml(key)}</label> <input class="key" id="key" type="password" autocomplete="current-password" aria-describedby="key-hint"></p>
<p id="key-hint">${escapeHtml(keyHint)}</p>
`
}

function formHtml(megabytes: string, asksKey: boolean, texts: UploadTexts): string {
  const { failed, copied, keyHint } = texts
  return `<p>${escapeHtml(texts.limits(megabytes))}</p>
<p id="error" role="alert"></p>
<section id="drop">
${asksKey ? keyHtml(texts) : ''}<p>${escapeHtml(texts.drop)}</p>
<label>${escapeHtml(texts.pick)}<input id="file" type="file" accept="image/png,image/jpeg,image/webp,image/gif"></label>
<p>${escapeHtml(texts.paste)}</p>
</section>
<section id="progress" hidden><p role="status">${escapeHtml(texts.uploading)}</p><progress id="bar" max="1" value="0" aria-label="${escapeHtml(texts.uploading)}"></progress></section>
<section id="result" tabindex="-1" hidden><p>${escapeHtml(texts.done)}</p><code id="id"></code>
<p><button id="copy" type="button">${escapeHtml(texts.copy)}</button></p><p>${escapeHtml(texts.next)}</p></section>
<script type="application/json" id="texts">${JSON.stringify({ failed, copied, keyHint }).replaceAll('<', '\\u003c')}</script>
<script type="module">${script}</script>`
}
