import { invalidValue, missingParameter, unknownParameter } from './azure-error.ts'
import { type JobReader, readSize, readUploads } from './job.ts'
import { createArguments } from './payload.ts'

const wording = { unknown: unknownParameter, missing: missingParameter, invalid: invalidValue }
const square = { width: 1024, height: 1024 }

/**
 * FLUX.1 on the deployment route. Supports few fields; edits ignore `size` and return 1024 × 1024, cropped around the centre.
 * https://github.com/pollinations/pollinations/pull/4551
 */
export const readFluxImageApiJob: JobReader = async (model, operation, payload) => {
  const args = createArguments(payload, wording)
  args.rejectOthers(['prompt', 'n', 'size'], operation === 'edits' ? ['image', 'image[]'] : [])
  const prompt = args.text('prompt', model.maxPromptChars)
  if (prompt === undefined || prompt === '') throw missingParameter('prompt')
  args.integer('n', 1, 1)
  const size = readSize(model, args.text('size', 20), square, wording)
  if (operation === 'generations') return { operation, prompt, size, count: 1, format: 'png', images: [] }
  const mask = payload.uploads.find(({ field }) => field === 'mask')
  if (mask !== undefined) throw unknownParameter('mask')
  const uploads = await readUploads(payload, model.maxImages)
  return { operation, prompt, size: square, count: 1, format: 'png', images: uploads.map(({ bytes }) => bytes) }
}
