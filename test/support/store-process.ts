import { encodeImage } from '../../services/bytes/base64-image.ts'
import { createLocalImageStore } from '../../services/library/local/local-image-store.ts'

/**
 * A process of its own that saves images, to be killed, confined or starved. Arguments: folder, bytes of an image,
 * how many. Prints a line for each: the path, or the code and the sentence of the error.
 */
const [folder = '', bytes = '', count = ''] = process.argv.slice(2)
const store = createLocalImageStore({ folder })
const image = encodeImage(Buffer.alloc(Number(bytes), 'image'), { mimeType: 'image/png', width: 1, height: 1 })
const say = (line: string) => new Promise((resolve) => process.stdout.write(`${line}\n`, resolve))
for (let index = 0; index < Number(count); index++) {
  try {
    await say((await store.save(await store.resolve('album/x.png'), image)).location)
  } catch (error) {
    await say(error instanceof Error && 'code' in error ? `${error.code} ${error.message}` : String(error))
  }
}
