import { AppError } from './app-error.ts'

/**
 * Every failure the service can name, in one table. The sentence is ours alone: foreign text (Azure's, the operating
 * system's) goes to the log as `cause` or `detail` and never into a message, because a message is read by a model.
 */

/** Who can mend it: the caller (`input`), Azure or its operator (`upstream`), the operator of this service (`service`). */
export type ErrorFamily = 'input' | 'upstream' | 'service'

interface ErrorRow {
  family: ErrorFamily
  /** HTTP status on routes that are not JSON-RPC. */
  status: number
  /** Whether the same call may succeed later without costing twice. */
  retryable: boolean
  sentence: (...args: never[]) => string
}

const row = <A extends unknown[]>(
  family: ErrorFamily,
  status: number,
  retryable: boolean,
  sentence: (...args: A) => string,
) => ({ family, status, retryable, sentence })

export const errorTable = {
  // Arguments
  IMG_ERR_ARGUMENTS: row('input', 400, false, (problems: string) => `The arguments are not valid: ${problems}.`),
  IMG_ERR_IDEMPOTENCY_KEY: row(
    'input',
    422,
    false,
    () => 'This idempotency key was used for a call with other arguments: send a new key.',
  ),
  IMG_ERR_CANCELLED: row('input', 499, true, () => 'The call was cancelled before anything was sent to Azure.'),

  IMG_ERR_MODEL_UNKNOWN: row(
    'input',
    400,
    false,
    (names: readonly string[]) => `There is no such model here; the models are ${names.join(', ')}.`,
  ),
  IMG_ERR_MODEL_ARGUMENT: row(
    'input',
    400,
    false,
    (model: string, name: string, known: readonly string[]) =>
      `${model} does not take ${name}; beside the prompt it takes ${known.join(', ')}.`,
  ),
  IMG_ERR_MODEL_VALUE: row(
    'input',
    400,
    false,
    (model: string, name: string, values: string) => `${model} does not take this ${name}; it takes ${values}.`,
  ),
  IMG_ERR_MODEL_IMAGES: row(
    'input',
    400,
    false,
    (model: string, most: number) =>
      `${model} takes ${most === 1 ? 'one image' : `at most ${most} images, the one to edit included`}; send fewer.`,
  ),
  IMG_ERR_MASK: row('input', 400, false, (problem: string) => `The mask ${problem}.`),

  // Azure: nothing was made, nothing is billed
  IMG_ERR_AZURE_UNREACHABLE: row(
    'upstream',
    502,
    true,
    () => 'Azure could not be reached, so nothing was made or charged. Try again in a minute.',
  ),
  IMG_ERR_AZURE_TLS: row(
    'upstream',
    502,
    false,
    () =>
      'The connection to Azure is not trusted (certificate or TLS problem); nothing was made or charged. Retrying will not help: the operator must check AZURE_BASE_URL, the proxy and the trusted certificates.',
  ),
  IMG_ERR_AZURE_NOT_SENT: row(
    'upstream',
    504,
    true,
    () => 'Time ran out before the request could be sent to Azure, so nothing was made or charged. Try again later.',
  ),
  IMG_ERR_AZURE_CONTENT: row(
    'input',
    422,
    false,
    (categories: readonly string[]) =>
      `Azure's content filter rejected this${categories.length === 0 ? '' : ` (${categories.join(', ')})`}. Retrying the same call will not help: change the prompt or the image.`,
  ),
  IMG_ERR_AZURE_ACCOUNT_BLOCKED: row(
    'upstream',
    502,
    false,
    () =>
      'Azure has temporarily blocked the whole account of this service, not this prompt. Retrying will not help: the operator must contact Azure support.',
  ),
  IMG_ERR_AZURE_CREDENTIAL: row(
    'upstream',
    502,
    false,
    () => 'Azure does not accept the credential of this service. Retrying will not help: the operator must check it.',
  ),
  IMG_ERR_AZURE_FORBIDDEN: row(
    'upstream',
    502,
    false,
    () =>
      "Azure denies this service access (network rules or missing role). Retrying will not help: the operator must check the resource's firewall and role assignments.",
  ),
  IMG_ERR_AZURE_DEPLOYMENT: row(
    'upstream',
    502,
    false,
    (deployment: string) =>
      `Azure does not know the deployment "${deployment}". Retrying will not help: the operator must check AZURE_DEPLOYMENT_NAME and AZURE_BASE_URL.`,
  ),
  IMG_ERR_AZURE_NOT_FOUND: row(
    'upstream',
    502,
    false,
    () =>
      'Azure does not offer this operation at the configured address. Retrying will not help: the operator must check AZURE_BASE_URL, AZURE_API_VERSION and whether the model is offered in that region.',
  ),
  IMG_ERR_AZURE_API_VERSION: row(
    'upstream',
    502,
    false,
    () =>
      'Azure does not know the configured API version. Retrying will not help: the operator must check AZURE_API_VERSION.',
  ),
  IMG_ERR_AZURE_TOO_LARGE: row(
    'input',
    413,
    false,
    () => 'Azure finds the request too large. Retrying the same call will not help: send a smaller or fewer images.',
  ),
  IMG_ERR_AZURE_REJECTED: row(
    'upstream',
    502,
    false,
    (parameter: string | undefined) =>
      `Azure rejected the request${parameter === undefined ? '' : ` because of its parameter "${parameter}"`}. Retrying the same call will not help: change the arguments.`,
  ),
  IMG_ERR_AZURE_RATE_LIMIT: row(
    'upstream',
    503,
    true,
    (waitSeconds: number | undefined) =>
      `Azure's quota for this model is used up for the moment; nothing was made or charged. Try again in ${waitSeconds ?? 60} s.`,
  ),
  IMG_ERR_AZURE_CAPACITY: row(
    'upstream',
    503,
    true,
    (waitSeconds: number | undefined) =>
      `Azure has no capacity for this model at the moment; nothing was made or charged. Try again in ${waitSeconds ?? 60} s.`,
  ),
  IMG_ERR_AZURE_BUSY: row(
    'upstream',
    503,
    true,
    (waitSeconds: number) =>
      `Too many calls are waiting for Azure, so this one was not sent and nothing was charged. Try again in ${waitSeconds} s.`,
  ),
  IMG_ERR_AZURE_UNAVAILABLE: row(
    'upstream',
    503,
    true,
    (waitSeconds: number | undefined) =>
      `Azure is temporarily unable to serve this model; nothing was made or charged. Try again in ${waitSeconds ?? 60} s.`,
  ),
  IMG_ERR_AZURE_FAILED: row(
    'upstream',
    502,
    true,
    () => 'Azure reported an internal failure; nothing was made. Trying again in a minute may help.',
  ),
  IMG_ERR_AZURE_TOKEN: row(
    'upstream',
    502,
    false,
    () =>
      'This service could not get a token for Azure, so nothing was sent. Retrying will not help soon: the operator must check its identity (AZURE_AUTH=entra).',
  ),

  // Azure: an image may exist and may be billed
  IMG_ERR_AZURE_TIMEOUT: row(
    'upstream',
    504,
    false,
    () =>
      'Azure took too long. The image may have been made and billed; a retry may cost again. A smaller size or lower quality is faster.',
  ),
  IMG_ERR_AZURE_LOST: row(
    'upstream',
    502,
    false,
    () =>
      'The connection to Azure broke after the request was sent. The image may have been made and billed; a retry may cost again.',
  ),
  IMG_ERR_AZURE_UNCLEAR: row(
    'upstream',
    502,
    false,
    () =>
      'A gateway in front of Azure answered instead of Azure. The image may have been made and billed; a retry may cost again.',
  ),
  IMG_ERR_AZURE_BROKE_OFF: row(
    'upstream',
    502,
    false,
    () => 'Azure gave up while it was drawing. The image may have been billed; a retry may cost again.',
  ),
  IMG_ERR_AZURE_BAD_RESPONSE: row(
    'upstream',
    502,
    false,
    () => "Azure's response could not be read. The image was probably made and billed; a retry may cost again.",
  ),
  IMG_ERR_AZURE_RESPONSE_TOO_LARGE: row(
    'upstream',
    502,
    false,
    () =>
      "Azure's response is larger than this service accepts. The image was probably made and billed; ask for a smaller one.",
  ),
  IMG_ERR_AZURE_NO_IMAGE: row(
    'upstream',
    502,
    false,
    () =>
      'Azure answered without an image, which mostly means that its filter removed it. Retrying the same call will hardly help: change the prompt or the image.',
  ),
  IMG_ERR_AZURE_DOWNLOAD: row(
    'upstream',
    502,
    false,
    () =>
      'Azure answered with a link to the image that could not be followed. The image was probably made and billed; a retry may cost again.',
  ),
  IMG_ERR_AZURE_REDIRECT: row(
    'upstream',
    502,
    false,
    () =>
      'The configured address answers with a redirect, which is never followed with a credential. Retrying will not help: the operator must check AZURE_BASE_URL.',
  ),

  // Images that come in
  IMG_ERR_IMAGE_EMPTY: row(
    'input',
    400,
    false,
    () => "The image data is empty; send the image's bytes as base64 or as a data URL.",
  ),
  IMG_ERR_IMAGE_BASE64: row(
    'input',
    400,
    false,
    (problem: string) => `The image data is not valid base64: ${problem}.`,
  ),
  IMG_ERR_IMAGE_DATA_URL: row(
    'input',
    400,
    false,
    (problem: string) => `The data URL ${problem}; send data:image/png;base64,… or bare base64.`,
  ),
  IMG_ERR_IMAGE_IS_PATH: row(
    'input',
    400,
    false,
    () => 'The image data is a file path, which this service cannot open; read the file and send its bytes as base64.',
  ),
  IMG_ERR_IMAGE_IS_URL: row(
    'input',
    400,
    false,
    () =>
      'The image data is a URL, which this service does not fetch; download the image and send its bytes as base64.',
  ),
  IMG_ERR_IMAGE_BYTES: row(
    'input',
    413,
    false,
    (limit: number) => `The image is larger than ${limit} bytes, the limit here; send a smaller file.`,
  ),
  IMG_ERR_IMAGE_TYPE: row(
    'input',
    415,
    false,
    (what: string) => `The image data is ${what}; send a PNG, JPEG, WebP or GIF file.`,
  ),
  IMG_ERR_IMAGE_BROKEN: row(
    'input',
    400,
    false,
    (format: string, problem: string) => `The ${format} file is damaged: ${problem}; send the whole, undamaged file.`,
  ),
  IMG_ERR_IMAGE_PIXELS: row(
    'input',
    413,
    false,
    (width: number, height: number, limit: number) =>
      `The image is ${width}x${height} pixels, and the limit here is ${limit} pixels in all; send a smaller one.`,
  ),
  IMG_ERR_IMAGE_EDGE: row(
    'input',
    413,
    false,
    (width: number, height: number, limit: number) =>
      `The image is ${width}x${height} pixels, and no edge may be longer than ${limit} pixels here; send a smaller one.`,
  ),
  IMG_ERR_IMAGE_SHAPE: row(
    'input',
    413,
    false,
    (width: number, height: number, limit: number) =>
      `The image is ${width}x${height} pixels, and its longer edge may be at most ${limit} times the shorter one; crop it.`,
  ),
  IMG_ERR_IMAGE_DECODED: row(
    'input',
    413,
    false,
    (width: number, height: number, bytes: number, limit: number) =>
      `The image is ${width}x${height} pixels and would take ${bytes} bytes to decode, and the limit here is ${limit} bytes; send a smaller one.`,
  ),
  IMG_ERR_IMAGE_CONVERTED: row(
    'input',
    413,
    false,
    (bytes: number, limit: number) =>
      `The image is ${bytes} bytes once converted to PNG, and the limit is ${limit} bytes; send a smaller one, or a JPEG.`,
  ),
  IMG_ERR_IMAGE_BUSY: row(
    'service',
    503,
    true,
    (waitSeconds: number) =>
      `Too many converted images are in use at the moment; nothing was sent or charged. Try again in ${waitSeconds} s, or send a plain 8-bit PNG or JPEG, which needs no conversion.`,
  ),
  IMG_ERR_IMAGE_FRAMES: row(
    'input',
    413,
    false,
    (frames: number, limit: number) =>
      `The image is an animation of ${frames} frames, and the limit here is ${limit}; send a single frame.`,
  ),
  IMG_ERR_IMAGE_CONVERSION: row(
    'input',
    400,
    false,
    () => 'The image could not be decoded, so it is damaged or unusual inside; send it as a plain 8-bit PNG or JPEG.',
  ),
  IMG_ERR_IMAGE_CONVERSION_SLOW: row(
    'input',
    413,
    false,
    () => 'The image took too long to convert; send it as a plain 8-bit PNG or JPEG, or make it smaller.',
  ),
  IMG_ERR_IMAGE_CONVERTER: row(
    'service',
    503,
    true,
    () =>
      'This service cannot convert images at the moment; send a plain 8-bit PNG or JPEG, which needs no conversion.',
  ),

  IMG_ERR_IMAGE_PATH: row(
    'input',
    400,
    false,
    (problem: string) => `The image at image_path cannot be read: ${problem}.`,
  ),
  IMG_ERR_IMAGE_PATH_REMOTE: row(
    'input',
    400,
    false,
    () =>
      'image_path does not work over HTTP, because this server cannot open files of yours; read the file and send its ' +
      'bytes as base64 in image_data_base64.',
  ),
  IMG_ERR_IMAGE_SOURCE: row(
    'input',
    400,
    false,
    () => 'Send the image to change exactly once: either its path in image_path or its bytes in image_data_base64.',
  ),

  // Where images are saved
  IMG_ERR_PATH_NAME: row('input', 400, false, (problem: string) => `The output path cannot be used: ${problem}.`),
  IMG_ERR_PATH_OUTSIDE: row(
    'input',
    400,
    false,
    () => "The output path leads outside the server's images folder; give a relative path such as sunset.png.",
  ),
  IMG_ERR_STORE_UNWRITABLE: row(
    'service',
    503,
    true,
    () => 'The image was not saved: the images folder of the server cannot be written.',
  ),
  IMG_ERR_STORE_FULL: row(
    'service',
    507,
    true,
    () => 'The image was not saved: the disk of the images folder is full.',
  ),
  IMG_ERR_STORE_MOVED: row(
    'service',
    409,
    true,
    () => 'The image was not saved: its folder was moved or replaced while the image was made.',
  ),
  IMG_ERR_STORE_FAILED: row('service', 500, true, () => 'The image was not saved: writing the file failed.'),
  IMG_ERR_STORE_MISSING: row('input', 404, false, () => 'There is no image of this name.'),
  IMG_ERR_STORE_CURSOR: row(
    'input',
    400,
    false,
    () => 'The cursor is not one that this server gave; list from the start.',
  ),
} satisfies Record<`IMG_ERR_${string}`, ErrorRow>

export type ErrorCode = keyof typeof errorTable

export interface ServiceErrorOptions {
  cause?: unknown
  /** Milliseconds after which a retry makes sense. */
  retryAfterMs?: number
  /** Facts for the log only: foreign text, statuses, request ids. Must be redacted and bounded by whoever sets it. */
  detail?: Readonly<Record<string, unknown>>
}

/** A failure with a row in the table. `message` is the sentence a model or a person reads. */
export class ServiceError extends AppError {
  override name = 'ServiceError'
  readonly code: ErrorCode
  readonly family: ErrorFamily
  readonly statusCode: number
  readonly retryable: boolean
  readonly retryAfterMs: number | undefined
  readonly detail: Readonly<Record<string, unknown>> | undefined

  constructor(code: ErrorCode, sentence: string, options: ServiceErrorOptions = {}) {
    super(sentence, options)
    const { family, status, retryable } = errorTable[code]
    this.code = code
    this.family = family
    this.statusCode = status
    this.retryable = retryable
    this.retryAfterMs = options.retryAfterMs
    this.detail = options.detail
  }
}

/** The sentence, unless it repeats something: what a caller sent is in no log line. */
export function sentenceForLog({ code, message }: ServiceError): string | undefined {
  return errorTable[code].sentence.length === 0 ? message : undefined
}

/** Makes the error of a row; `args` are what its sentence takes. */
export function serviceError<C extends ErrorCode>(
  code: C,
  args: Parameters<(typeof errorTable)[C]['sentence']>,
  options?: ServiceErrorOptions,
): ServiceError {
  const sentence: (...args: never[]) => string = errorTable[code].sentence
  return new ServiceError(code, sentence(...(args as never[])), options)
}
