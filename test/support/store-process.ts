import { encodeImage } from '../../services/bytes/base64-image.ts'
import { createLocalImageStore } from '../../services/library/local/local-image-store.ts'

/**
 * Saves images, for tests that kill or confine it. Arguments: folder, bytes of an image, number of images. Prints the path
 * of each, or the code and message of the error.
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
