/**
 * What a model is told of this server once, before it sees the tools: only what it needs to use them well.
 * https://modelcontextprotocol.io/specification/2026-07-28/server/discover
 */
export function serverInstructions(transport: 'http' | 'stdio'): string {
  const source =
    transport === 'stdio'
      ? 'give edit_image the absolute path of an image in image_path, or its bytes as base64 in image_data_base64'
      : 'give edit_image the bytes of an image as base64 in image_data_base64; the server cannot open paths or links'
  return [
    'Makes images from words (generate_image) and changes images (edit_image) with an image model on Azure.',
    `To change one, ${source}.`,
    'Every call costs money and takes from seconds to minutes: make one call for each image that is wanted, and never',
    'repeat a call because it is slow. An answer with isError says what to change and whether to try again.',
    'Describe what shall be seen; put words that shall stand in the image in double quotes.',
    'Only with output_path is an image also saved on the server; saved images are listed as resources (image:///…).',
  ].join(' ')
}
