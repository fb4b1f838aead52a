import { randomBytes } from 'node:crypto'
import { PassThrough } from 'node:stream'
import FormData from 'form-data'
import type { InputImage } from './images-client.ts'
import type { WireRequest } from './wire-request.ts'

/** A picture under a field name of the form. */
export interface FormFile {
  field: string
  image: InputImage
}

/**
 * An edit as multipart/form-data. Each file has its own media type and file name: Azure refuses
 * `application/octet-stream` (https://github.com/openai/openai-node/issues/1468). The pictures' bytes are sent from
 * where they lie.
 */
export function formRequest(
  url: URL,
  fields: Readonly<Record<string, string>>,
  files: readonly FormFile[],
): WireRequest {
  const boundary = `form-${randomBytes(18).toString('hex')}`
  return {
    operation: 'edit',
    url,
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
    body() {
      const form = new FormData()
      form.setBoundary(boundary)
      for (const [name, value] of Object.entries(fields)) form.append(name, value)
      for (const [index, { field, image }] of files.entries()) {
        const extension = image.mimeType === 'image/png' ? 'png' : 'jpg'
        form.append(field, image.bytes, { filename: `${index + 1}.${extension}`, contentType: image.mimeType })
      }
      // Measured first: once piped, the form has forgotten its parts.
      const length = form.getLengthSync()
      return { stream: form.pipe(new PassThrough()), length }
    },
  }
}
