/** Pixels. */
export interface Size {
  width: number
  height: number
}

/** An image that Azure accepts: checked, upright, and PNG or JPEG. */
export interface InputImage extends Size {
  bytes: Buffer
  mimeType: 'image/png' | 'image/jpeg'
}
