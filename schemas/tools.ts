/** Tools that clients have by default, in the order of `tools/list`. Some are offered only where they work. */
export const defaultToolNames = [
  'generate_image',
  'edit_image',
  'find_images',
  'get_image',
  'request_upload',
  'get_job',
  'list_models',
] as const

/** Tools that only the studio calls; part of the default ones. */
export const studioToolNames = ['studio_image', 'studio_draft'] as const

/** Tools that clients have only if `TOOLS` names them. */
export const otherToolNames = ['update_image', 'delete_image', 'cancel_job'] as const
