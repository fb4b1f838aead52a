/**
 * The instructions that a client's model reads once, before it sees the tools.
 * https://modelcontextprotocol.io/specification/2026-07-28/server/discover
 */
export function serverInstructions(transport: 'http' | 'stdio'): string {
  const source =
    transport === 'stdio'
      ? 'pass edit_image the absolute path of an image in image_path, or its bytes as base64 in image_data_base64'
      : 'pass edit_image the bytes of an image as base64 in image_data_base64; the server cannot open paths or URLs'
  return [
    'Generates images from text (generate_image) and edits images (edit_image) with an image model on Azure.',
    `To edit an image, ${source}.`,
    'Every call costs money and takes seconds to minutes: make one call per image, and never repeat a call because it is',
    'slow. A result with isError says what to change and whether to try again.',
    'Describe what should be visible; put text that should appear in the image in double quotes.',
    'Images are saved on the server only with output_path; saved images are listed as resources (image:///…).',
  ].join(' ')
}
