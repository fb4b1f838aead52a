/**
 * Every failure that the service reports, in one table. A message is read by a model or a person, so it never contains
 * third-party text (from Azure or the operating system): that is logged as `cause` or `detail`.
 */

/** Who can fix it: the client (`input`), Azure or its operator (`upstream`), the operator of this service (`service`). */
export type ErrorFamily = 'input' | 'upstream' | 'service'

interface ErrorRow {
  family: ErrorFamily
  /** Whether the same call may succeed later, without being billed twice. */
  retryable: boolean
  /** Azure may have generated and billed an image, so this service never repeats the request. */
  mayBeBilled?: true
  message: (...args: never[]) => string
}

const inSeconds = (seconds = 60) => `Try again in ${seconds} s.`
const neverAccepted = (sent: number) =>
  `: the request was sent ${sent === 1 ? 'once' : `${sent} times`} and never accepted`

/** What clients send in place of an id. */
const referenceProblems = {
  unknown: 'names no image',
  several: 'names several images',
  bytes: 'contains the bytes of an image, which belong in the argument whose name ends with base64',
  path: 'is the path of a file, which this server cannot open: send the bytes of the file as base64',
  localPath: 'is the path of a file: pass the image to edit as image_path, any other file as base64',
  url: 'is a web address, which this server does not fetch: download the image and send its bytes as base64',
}

export const errorTable = {
  // Arguments
  IMG_ERR_ARGUMENTS: {
    family: 'input',
    retryable: false,
    message: (problems: string) => `The arguments are not valid: ${problems}.`,
  },
  IMG_ERR_FORM: {
    family: 'input',
    retryable: false,
    message: (problem: string) => `The form (multipart/form-data) is not valid: ${problem}.`,
  },
  IMG_ERR_IDEMPOTENCY_KEY: {
    family: 'input',
    retryable: false,
    message: () => 'This idempotency key was used for a call with other arguments: send a new key.',
  },
  IMG_ERR_IDEMPOTENCY_RUNNING: {
    family: 'input',
    retryable: true,
    message: () => 'An earlier call with this idempotency key still runs: send the same call again for its result.',
  },
  IMG_ERR_IDEMPOTENCY_UNKNOWN: {
    family: 'service',
    retryable: false,
    mayBeBilled: true,
    message: () =>
      'The process that made the earlier call with this idempotency key ended after the request had gone to Azure: the ' +
      'image may have been generated and billed. A call with a new key may cost again.',
  },
  IMG_ERR_IDEMPOTENCY_LOST: {
    family: 'service',
    retryable: false,
    mayBeBilled: true,
    message: () =>
      'The image of the earlier call with this idempotency key was generated and billed, but it is no longer stored ' +
      'here. A call with a new key may cost again.',
  },
  IMG_ERR_CANCELLED: {
    family: 'input',
    retryable: true,
    message: () => 'The call was cancelled before anything was sent to Azure.',
  },
  IMG_ERR_MODEL_UNKNOWN: {
    family: 'input',
    retryable: false,
    message: (names: readonly string[]) => `Unknown model; available models: ${names.join(', ')}.`,
  },
  IMG_ERR_MODEL_ARGUMENT: {
    family: 'input',
    retryable: false,
    message: (model: string, name: string, supported: readonly string[]) =>
      `${model} does not support ${name}; besides the prompt it supports ${supported.join(', ') || 'no argument'}.`,
  },
  IMG_ERR_MODEL_VALUE: {
    family: 'input',
    retryable: false,
    message: (model: string, name: string, values: string) =>
      `${model} does not support this ${name}; it supports ${values}.`,
  },
  IMG_ERR_MODEL_IMAGES: {
    family: 'input',
    retryable: false,
    message: (model: string, limit: number) =>
      `${model} accepts ${limit === 1 ? 'one image' : `at most ${limit} images, including the one to edit`}; send fewer.`,
  },
  IMG_ERR_POLICY: {
    family: 'input',
    retryable: false,
    message: (rule: string, problem: string) =>
      `Rule ${rule} does not allow this call: ${problem}. Nothing was sent or billed.`,
  },
  IMG_ERR_CONFIRM_COST: {
    family: 'input',
    retryable: false,
    message: (price: string, rule: string, limit: string, code: string, minutes: number) =>
      `This call costs ${price}, and rule ${rule} asks for confirmation above ${limit}. Ask the user; to go on, send the same call with "confirm_cost": "${code}" within ${minutes} minutes. Nothing was sent or billed.`,
  },
  IMG_ERR_NOT_CONFIRMED: {
    family: 'input',
    retryable: false,
    message: () => 'The price was not confirmed, so nothing was sent or billed.',
  },
  IMG_ERR_MASK: { family: 'input', retryable: false, message: (problem: string) => `The mask ${problem}.` },
  IMG_ERR_MASK_UNSUPPORTED: {
    family: 'input',
    retryable: false,
    message: (model: string) =>
      `${model} takes no mask: set keep_outside_mask to true, then it is given the whole image and this server puts back what is outside the mask.`,
  },
  IMG_ERR_COMPOSITE: {
    family: 'service',
    retryable: false,
    message: (isBusy: boolean) =>
      `The pixels outside the mask could not be kept, because ${isBusy ? 'too many images are being converted at the moment' : 'the images could not be composed'}: this is Azure's image, which may differ everywhere.`,
  },

  // Azure: nothing was generated, nothing is billed
  IMG_ERR_AZURE_UNREACHABLE: {
    family: 'upstream',
    retryable: true,
    message: () => 'Azure could not be reached, so nothing was generated or billed. Try again in a minute.',
  },
  IMG_ERR_AZURE_TLS: {
    family: 'upstream',
    retryable: false,
    message: () =>
      'The TLS connection to Azure failed (certificate or protocol); nothing was generated or billed. Retrying will not help: the operator must check AZURE_BASE_URL, the proxy and the trusted certificates.',
  },
  IMG_ERR_AZURE_NOT_SENT: {
    family: 'upstream',
    retryable: true,
    message: () =>
      'The time limit was reached before the request was sent to Azure, so nothing was generated or billed. Try again later.',
  },
  IMG_ERR_AZURE_CONTENT: {
    family: 'input',
    retryable: false,
    message: (categories: readonly string[]) =>
      `Azure's content filter rejected this${categories.length === 0 ? '' : ` (${categories.join(', ')})`}. Retrying the same call will not help: change the prompt or the image.`,
  },
  IMG_ERR_AZURE_ACCOUNT_BLOCKED: {
    family: 'upstream',
    retryable: false,
    message: () =>
      'Azure has temporarily blocked the whole account of this service, not this prompt. Retrying will not help: the operator must contact Azure support.',
  },
  IMG_ERR_AZURE_CREDENTIAL: {
    family: 'upstream',
    retryable: false,
    message: () =>
      'Azure rejected the credential of this service. Retrying will not help: the operator must check the credential.',
  },
  IMG_ERR_AZURE_KEY_DISABLED: {
    family: 'upstream',
    retryable: false,
    message: () =>
      'Access with a key is disabled on the Azure resource. Retrying will not help: the operator must use AZURE_AUTH=entra ("auth": "entra" in a deployments file).',
  },
  IMG_ERR_AZURE_SPENDING_LIMIT: {
    family: 'upstream',
    retryable: false,
    message: () =>
      "The quota or spending limit of this service's Azure account is used up; nothing was generated or billed. Retrying will not help soon: the operator must raise the limit or check the billing of the account.",
  },
  IMG_ERR_AZURE_FORBIDDEN: {
    family: 'upstream',
    retryable: false,
    message: () =>
      "Azure denied access to this service (network rules or a missing role). Retrying will not help: the operator must check the resource's firewall and role assignments.",
  },
  IMG_ERR_AZURE_DEPLOYMENT: {
    family: 'upstream',
    retryable: false,
    message: (deployment: string) =>
      `Azure has no deployment "${deployment}". Retrying will not help: the operator must check AZURE_DEPLOYMENT_NAME and AZURE_BASE_URL.`,
  },
  IMG_ERR_AZURE_NOT_FOUND: {
    family: 'upstream',
    retryable: false,
    message: () =>
      'Azure does not offer this operation at the configured address. Retrying will not help: the operator must check AZURE_BASE_URL, AZURE_API_VERSION and whether the model is available in that region.',
  },
  IMG_ERR_AZURE_API_VERSION: {
    family: 'upstream',
    retryable: false,
    message: () =>
      'Azure does not support the configured API version. Retrying will not help: the operator must check AZURE_API_VERSION.',
  },
  IMG_ERR_AZURE_TOO_LARGE: {
    family: 'input',
    retryable: false,
    message: () =>
      'The request is too large for Azure. Retrying the same call will not help: send smaller or fewer images.',
  },
  IMG_ERR_AZURE_IMAGE: {
    family: 'input',
    retryable: false,
    message: (image: string, problem: string) =>
      `Azure rejected ${image}: ${problem}. Retrying the same call will not help: send another file, best a plain 8-bit PNG or JPEG of moderate size.`,
  },
  IMG_ERR_AZURE_MASK: {
    family: 'input',
    retryable: false,
    message: () =>
      'Azure rejected the mask. Retrying the same call will not help: send a PNG with an alpha channel, as large as the image, and transparent where the image may change.',
  },
  IMG_ERR_AZURE_UNSUPPORTED: {
    family: 'upstream',
    retryable: false,
    message: (deployment: string) =>
      `The model of the Azure deployment "${deployment}" cannot do this. Retrying the same call will not help: leave out optional arguments; if that changes nothing, the operator must deploy a model that can, or correct AZURE_MODEL or AZURE_API_DIALECT.`,
  },
  IMG_ERR_AZURE_RETIRED: {
    family: 'upstream',
    retryable: false,
    message: (deployment: string) =>
      `The model of the Azure deployment "${deployment}" is retired. Retrying will not help: the operator must deploy a newer model and set AZURE_DEPLOYMENT_NAME.`,
  },
  IMG_ERR_AZURE_REJECTED: {
    family: 'upstream',
    retryable: false,
    message: (parameter: string | undefined) =>
      parameter === undefined
        ? 'Azure rejected the request without naming the cause. Retrying the same call will not help: change the prompt or the image, or leave out optional arguments.'
        : `Azure rejected the request because of its parameter "${parameter}". Retrying the same call will not help: change the arguments.`,
  },
  IMG_ERR_AZURE_RATE_LIMIT: {
    family: 'upstream',
    retryable: true,
    message: (waitSeconds: number | undefined, sent = 1) =>
      `Azure's quota for this model is used up${neverAccepted(sent)}; nothing was generated or billed. ${inSeconds(waitSeconds)}`,
  },
  IMG_ERR_AZURE_CAPACITY: {
    family: 'upstream',
    retryable: true,
    message: (waitSeconds: number | undefined, sent = 1) =>
      `Azure currently has no capacity for this model${neverAccepted(sent)}; nothing was generated or billed. ${inSeconds(waitSeconds)}`,
  },
  IMG_ERR_AZURE_BUSY: {
    family: 'upstream',
    retryable: true,
    message: (waitSeconds: number) =>
      `Too many calls are waiting for Azure, so this one was not sent, and nothing was billed. ${inSeconds(waitSeconds)}`,
  },
  IMG_ERR_AZURE_UNAVAILABLE: {
    family: 'upstream',
    retryable: true,
    message: (waitSeconds: number | undefined) =>
      `The model is temporarily unavailable on Azure; nothing was generated or billed. ${inSeconds(waitSeconds)}`,
  },
  IMG_ERR_AZURE_NOT_READY: {
    family: 'upstream',
    retryable: true,
    message: (deployment: string, waitSeconds: number | undefined) =>
      `Azure is still setting up its deployment "${deployment}", which takes minutes; nothing was generated or billed. ${inSeconds(waitSeconds)}`,
  },
  IMG_ERR_AZURE_FAILED: {
    family: 'upstream',
    retryable: true,
    message: () => 'Azure reported an internal error; nothing was generated. Trying again in a minute may help.',
  },
  IMG_ERR_AZURE_TOKEN: {
    family: 'upstream',
    retryable: false,
    message: () =>
      'This service could not get a token for Azure, so nothing was sent. Retrying will not help soon: the operator must check its identity (AZURE_AUTH=entra).',
  },
  IMG_ERR_AZURE_REDIRECT: {
    family: 'upstream',
    retryable: false,
    message: () =>
      'The configured address returned a redirect, which is never followed with a credential. Retrying will not help: the operator must check AZURE_BASE_URL.',
  },
  IMG_ERR_AZURE_NO_IMAGE: {
    family: 'upstream',
    retryable: false,
    message: () =>
      'Azure returned no image, probably because its content filter removed it. Retrying the same call is unlikely to help: change the prompt or the image.',
  },

  // Azure: an image may have been generated and billed
  IMG_ERR_AZURE_TIMEOUT: {
    family: 'upstream',
    retryable: false,
    mayBeBilled: true,
    message: () =>
      'Azure took too long. The image may have been generated and billed; a retry may cost again. A smaller size or lower quality is faster.',
  },
  IMG_ERR_AZURE_LOST: {
    family: 'upstream',
    retryable: false,
    mayBeBilled: true,
    message: () =>
      'The connection to Azure broke after the request was sent. The image may have been generated and billed; a retry may cost again.',
  },
  IMG_ERR_AZURE_UNCLEAR: {
    family: 'upstream',
    retryable: false,
    mayBeBilled: true,
    message: () =>
      'A gateway in front of Azure responded instead of Azure. The image may have been generated and billed; a retry may cost again.',
  },
  IMG_ERR_AZURE_BROKE_OFF: {
    family: 'upstream',
    retryable: false,
    mayBeBilled: true,
    message: () => 'Azure aborted while generating the image. The image may have been billed; a retry may cost again.',
  },
  IMG_ERR_AZURE_BAD_RESPONSE: {
    family: 'upstream',
    retryable: false,
    mayBeBilled: true,
    message: () =>
      "Azure's response could not be read. The image was probably generated and billed; a retry may cost again.",
  },
  IMG_ERR_AZURE_RESPONSE_TOO_LARGE: {
    family: 'upstream',
    retryable: false,
    mayBeBilled: true,
    message: () =>
      "Azure's response is larger than this service accepts. The image was probably generated and billed; a retry may cost again. Request a smaller size.",
  },
  IMG_ERR_AZURE_DOWNLOAD: {
    family: 'upstream',
    retryable: false,
    mayBeBilled: true,
    message: () =>
      'Azure returned a link to the image that could not be downloaded. The image was probably generated and billed; a retry may cost again.',
  },

  // Images that clients send
  IMG_ERR_IMAGE_EMPTY: {
    family: 'input',
    retryable: false,
    message: () => "The image data is empty; send the image's bytes as base64 or as a data URL.",
  },
  IMG_ERR_IMAGE_BASE64: {
    family: 'input',
    retryable: false,
    message: (problem: string) => `The image data is not valid base64: ${problem}.`,
  },
  IMG_ERR_IMAGE_DATA_URL: {
    family: 'input',
    retryable: false,
    message: (problem: string) => `The data URL ${problem}; send data:image/png;base64,… or bare base64.`,
  },
  IMG_ERR_IMAGE_IS_PATH: {
    family: 'input',
    retryable: false,
    message: () =>
      'The image data is a file path, which this service cannot open; read the file and send its bytes as base64.',
  },
  IMG_ERR_IMAGE_IS_URL: {
    family: 'input',
    retryable: false,
    message: () =>
      'The image data is a URL, which this service does not fetch; download the image and send its bytes as base64.',
  },
  IMG_ERR_IMAGE_BYTES: {
    family: 'input',
    retryable: false,
    message: (limit: number) => `The image is larger than the limit of ${limit} bytes; send a smaller file.`,
  },
  IMG_ERR_IMAGE_TYPE: {
    family: 'input',
    retryable: false,
    message: (what: string) => `The image data is ${what}; send a PNG, JPEG, WebP or GIF file.`,
  },
  IMG_ERR_IMAGE_BROKEN: {
    family: 'input',
    retryable: false,
    message: (format: string, problem: string) =>
      `The ${format} file is damaged: ${problem}; send the whole, undamaged file.`,
  },
  IMG_ERR_IMAGE_PIXELS: {
    family: 'input',
    retryable: false,
    message: (width: number, height: number, limit: number) =>
      `The image is ${width}x${height} pixels, more than the limit of ${limit} pixels in total; send a smaller one.`,
  },
  IMG_ERR_IMAGE_EDGE: {
    family: 'input',
    retryable: false,
    message: (width: number, height: number, limit: number) =>
      `The image is ${width}x${height} pixels, and no edge may be longer than ${limit} pixels; send a smaller one.`,
  },
  IMG_ERR_IMAGE_SHAPE: {
    family: 'input',
    retryable: false,
    message: (width: number, height: number, limit: number) =>
      `The image is ${width}x${height} pixels, and its longer edge may be at most ${limit} times the shorter one; crop it.`,
  },
  IMG_ERR_IMAGE_DECODED: {
    family: 'input',
    retryable: false,
    message: (width: number, height: number, bytes: number, limit: number) =>
      `The image is ${width}x${height} pixels and needs ${bytes} bytes to decode, more than the limit of ${limit} bytes; send a smaller one.`,
  },
  IMG_ERR_IMAGE_CONVERTED: {
    family: 'input',
    retryable: false,
    message: (bytes: number, limit: number) =>
      `The image has ${bytes} bytes after conversion to PNG, more than the limit of ${limit} bytes; send a smaller one, or a JPEG.`,
  },
  IMG_ERR_IMAGE_BUSY: {
    family: 'service',
    retryable: true,
    message: (waitSeconds: number) =>
      `Too many images are being converted at the moment; nothing was sent or billed. Try again in ${waitSeconds} s, or send a plain 8-bit PNG or JPEG, which needs no conversion.`,
  },
  IMG_ERR_IMAGE_FRAMES: {
    family: 'input',
    retryable: false,
    message: (frames: number, limit: number) =>
      `The image is an animation of ${frames} frames, more than the limit of ${limit}; send a single frame.`,
  },
  IMG_ERR_IMAGE_CONVERSION: {
    family: 'input',
    retryable: false,
    message: () =>
      'The image could not be decoded because it is damaged or unusual; send it as a plain 8-bit PNG or JPEG.',
  },
  IMG_ERR_IMAGE_CONVERSION_SLOW: {
    family: 'input',
    retryable: false,
    message: () => 'The image took too long to convert; send it as a plain 8-bit PNG or JPEG, or make it smaller.',
  },
  IMG_ERR_IMAGE_CONVERTER: {
    family: 'service',
    retryable: true,
    message: () =>
      'This service cannot convert images at the moment; send a plain 8-bit PNG or JPEG, which needs no conversion.',
  },
  IMG_ERR_IMAGE_PATH: {
    family: 'input',
    retryable: false,
    message: (problem: string) => `The image at image_path cannot be read: ${problem}.`,
  },
  IMG_ERR_IMAGE_PATH_REMOTE: {
    family: 'input',
    retryable: false,
    message: () =>
      'image_path does not work over HTTP, because this server cannot open your files; read the file and send its bytes as base64 in image_data_base64.',
  },
  IMG_ERR_IMAGE_CHANGED: {
    family: 'input',
    retryable: true,
    message: () =>
      'An image of this call was replaced by a larger one after its price was determined; nothing was sent or billed. Send the call again.',
  },
  IMG_ERR_IMAGE_SOURCE: {
    family: 'input',
    retryable: false,
    message: (ways: readonly string[]) =>
      `Send the image to edit exactly once: ${ways.length > 1 ? 'either ' : ''}${ways.join(' or ')}.`,
  },

  // Jobs
  IMG_ERR_JOB_ID: {
    family: 'input',
    retryable: false,
    message: () => 'There is no such job, or it is not yours: pass the job id of a result (job_…).',
  },
  IMG_ERR_JOBS_FULL: {
    family: 'service',
    retryable: true,
    message: (reason: string) => `No further job can be queued: ${reason}. Try again when some have ended.`,
  },
  IMG_ERR_JOB_EXPIRED: {
    family: 'service',
    retryable: true,
    message: () => 'The job waited too long for its turn and was given up; nothing was generated or billed.',
  },
  IMG_ERR_JOB_LOST: {
    family: 'service',
    retryable: true,
    message: () =>
      'The process that ran the call ended before anything was sent to Azure; nothing was generated or billed. Call again.',
  },
  IMG_ERR_JOB_TAKEN: {
    family: 'service',
    retryable: true,
    message: () => 'The job was cancelled, or another process runs it; this one sent nothing.',
  },
  IMG_ERR_JOB_CANCELLED: {
    family: 'input',
    retryable: true,
    message: () => 'The job was cancelled; nothing was generated or billed.',
  },
  IMG_ERR_JOB_UNKNOWN: {
    family: 'service',
    retryable: false,
    mayBeBilled: true,
    message: () =>
      'The process that ran the job ended after the request had gone to Azure: the image may have been generated and ' +
      'billed. The job does not run again; a new call may cost again.',
  },
  IMG_ERR_JOB_NOT_STORED: {
    family: 'service',
    retryable: false,
    message: () => 'The image was generated and billed, but it could not be stored, so it is lost.',
  },

  // Where images are saved
  IMG_ERR_PATH_NAME: {
    family: 'input',
    retryable: false,
    message: (problem: string) => `The output path cannot be used: ${problem}.`,
  },
  IMG_ERR_PATH_OUTSIDE: {
    family: 'input',
    retryable: false,
    message: () => "The output path leads outside the server's images folder; give a relative path such as sunset.png.",
  },
  IMG_ERR_STORE_UNWRITABLE: {
    family: 'service',
    retryable: true,
    message: () => "The image was not saved: the server's images folder is not writable.",
  },
  IMG_ERR_STORE_FULL: {
    family: 'service',
    retryable: true,
    message: () => "The image was not saved: the disk of the server's images folder is full.",
  },
  IMG_ERR_STORE_MOVED: {
    family: 'service',
    retryable: true,
    message: () => 'The image was not saved: its folder was moved or replaced while the image was generated.',
  },
  IMG_ERR_STORE_FAILED: {
    family: 'service',
    retryable: true,
    message: () => 'The image was not saved: writing the file failed.',
  },
  IMG_ERR_STORE_DENIED: {
    family: 'service',
    retryable: true,
    message: () => "The image was not saved: the server's storage container is missing or denies access.",
  },
  IMG_ERR_STORE_UNAVAILABLE: {
    family: 'service',
    retryable: true,
    message: () => "The image was not saved: the server's storage is not available at the moment.",
  },
  IMG_ERR_STORE_UNREACHABLE: {
    family: 'service',
    retryable: true,
    message: () =>
      "Saved images cannot be listed or read: the server's storage container is missing, denies access or is not available.",
  },
  IMG_ERR_STORE_SLOW: {
    family: 'service',
    retryable: true,
    message: () => 'The image was not saved: the store is slow.',
  },
  IMG_ERR_STORE_UNREADABLE: {
    family: 'service',
    retryable: true,
    message: () =>
      "Saved images cannot be listed or read: the server's images folder is not readable. Its operator must fix the permissions of IMAGES_DIR.",
  },
  IMG_ERR_STORE_MISSING: { family: 'input', retryable: false, message: () => 'There is no image with this name.' },
  IMG_ERR_STORE_BUSY: {
    family: 'service',
    retryable: true,
    message: (waitSeconds: number) =>
      `Too many stored images are being read at the moment; nothing was sent to Azure or billed. Try again in ${waitSeconds} s, or name fewer images.`,
  },
  IMG_ERR_IMAGE_ID: {
    family: 'input',
    retryable: false,
    message: (argument?: string) =>
      `There is no image with ${argument === undefined ? 'this id' : `the id in ${argument}`}: it is mistyped, was deleted or is no longer stored, or belongs to another caller.`,
  },
  IMG_ERR_LINK: {
    family: 'input',
    retryable: false,
    message: () =>
      'There is no image at this address: the link has expired or is incomplete, or the image is no longer stored. Request a new link.',
  },
  IMG_ERR_LINK_BUSY: {
    family: 'service',
    retryable: true,
    message: () => 'The image cannot be sent at the moment. Try again in a few seconds.',
  },
  IMG_ERR_IMAGE_REFERENCE: {
    family: 'input',
    retryable: false,
    message: (argument: string, problem: keyof typeof referenceProblems) =>
      `${argument} ${referenceProblems[problem]}. It must be the id of one stored image (img_…), its URI (image://…), a link of this server, or "last" for your newest image.`,
  },
  IMG_ERR_LIBRARY_LISTING: {
    family: 'input',
    retryable: false,
    message: () =>
      'Without authentication this server finds images by their ids only: use the id that a result named. Its operator can turn on authentication, or set LIBRARY_SHARED=true.',
  },
  IMG_ERR_DRAFT_BYTES: {
    family: 'input',
    retryable: false,
    message: (limit: number) => `The draft has more than ${limit} bytes in UTF-8.`,
  },
  IMG_ERR_DRAFT_STORE: {
    family: 'service',
    retryable: true,
    message: (seconds: number) => `Drafts cannot be stored or read at the moment. ${inSeconds(seconds)}`,
  },
  IMG_ERR_UPLOAD: {
    family: 'input',
    retryable: false,
    message: () => 'This upload address is wrong or has expired: request a new one.',
  },
  IMG_ERR_UPLOAD_USED: {
    family: 'input',
    retryable: false,
    message: () => 'This upload address has been used: the image is stored. Request a new address for another image.',
  },
  IMG_ERR_UPLOAD_RUNNING: {
    family: 'input',
    retryable: true,
    message: () => 'An upload to this address is running: wait for it, or request a new address.',
  },
  IMG_ERR_UPLOAD_EMPTY: {
    family: 'input',
    retryable: false,
    message: () => 'The upload is empty: send the bytes of an image file.',
  },
  IMG_ERR_UPLOAD_LENGTH: {
    family: 'input',
    retryable: false,
    message: () => 'Send the size of the file as Content-Length, as "curl -T FILE URL" does.',
  },
  IMG_ERR_UPLOAD_ENCODING: {
    family: 'input',
    retryable: false,
    message: () => 'Send the bytes of the file itself, without Content-Encoding and without a form.',
  },
  IMG_ERR_UPLOAD_BROKEN_OFF: {
    family: 'input',
    retryable: true,
    message: () => 'The upload was broken off: send the file again to the same address.',
  },
  IMG_ERR_UPLOAD_VISITOR: {
    family: 'input',
    retryable: false,
    message: () =>
      'This upload page is for the user who was asked to open it: send the API key with which the chat reaches this service.',
  },
  IMG_ERR_NOT_UPLOADED: {
    family: 'input',
    retryable: false,
    message: () =>
      'The user does not want to open the upload page, so there is no new image. Ask in the chat how to go on.',
  },
  IMG_ERR_UPLOAD_AWAITED: {
    family: 'input',
    retryable: true,
    message: (argument: string, id: string) =>
      `The user opened the upload page, but has not sent the image yet. Once it is uploaded, send the call again with "${argument}": "${id}". Nothing was sent to Azure or billed.`,
  },
  IMG_ERR_NOT_ANSWERED: {
    family: 'input',
    retryable: false,
    message: (argument: string) =>
      `The user was asked for ${argument} and did not answer, so nothing was sent or billed. Ask in the chat, then send the call with "${argument}".`,
  },
  IMG_ERR_UPLOADS_OPEN: {
    family: 'input',
    retryable: true,
    message: (limit: number, seconds: number) =>
      `You have ${limit} open upload addresses: use one of them, or try again in ${seconds} s.`,
  },
  IMG_ERR_LIBRARY_SEARCH: {
    family: 'service',
    retryable: true,
    message: () => `The images cannot be searched at the moment; ids still work. ${inSeconds(30)}`,
  },
  IMG_ERR_STORE_CURSOR: {
    family: 'input',
    retryable: false,
    message: () => 'Unknown cursor: list from the start.',
  },
} satisfies Record<`IMG_ERR_${string}`, ErrorRow>
