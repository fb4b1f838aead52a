import { added, type Board, chosen, one, perMinute } from '../board.ts'

export const library: Board = {
  name: 'library',
  title: 'Image service: library',
  about: 'What is stored, and whether storing works.',
  panels: [
    {
      title: 'Size',
      about: 'Bytes of images without output_path; LIBRARY_MAX_BYTES is the limit.',
      unit: 'bytes',
      kind: 'number',
      queries: one(`max(image_mcp_library_bytes{${chosen}})`, 'bytes'),
    },
    {
      title: 'Stored in 24 hours',
      about: 'Images that were written to the folder or container.',
      unit: 'short',
      kind: 'number',
      queries: one(added('image_mcp_images_saved_total', '24h'), 'images'),
    },
    {
      title: 'Not stored in 24 hours',
      about: 'Images whose copy is missing; clients received them.',
      unit: 'short',
      kind: 'number',
      levels: { red: 1 },
      queries: one(added('image_mcp_images_not_saved_total', '24h'), 'images'),
    },
    {
      title: 'Images in temporary files',
      about: 'Beyond MAX_BUFFERED_BYTES images wait on disk.',
      unit: 'short',
      kind: 'number',
      levels: { orange: 1 },
      queries: one(`sum(image_mcp_spilled_images{${chosen}})`, 'images'),
    },
    {
      title: 'Size over time',
      about: 'It stops at LIBRARY_MAX_BYTES, where the oldest images go.',
      unit: 'bytes',
      queries: one(`max(image_mcp_library_bytes{${chosen}})`, 'bytes'),
    },
    {
      title: 'Stored and not stored',
      about: 'Images a minute.',
      unit: 'reqpm',
      queries: [
        { expr: `60 * sum(rate(image_mcp_images_saved_total{${chosen}}[$__rate_interval]))`, legend: 'stored' },
        {
          expr: `60 * sum by (code) (rate(image_mcp_images_not_saved_total{${chosen}}[$__rate_interval]))`,
          legend: 'not stored: {{code}}',
        },
      ],
    },
    {
      title: 'Calls of the library tools',
      about: 'Completed calls a minute.',
      unit: 'reqpm',
      queries: one(
        perMinute('image_mcp_tool_calls_total', 'tool', ', tool=~"find_images|get_image|request_upload"'),
        '{{tool}}',
      ),
    },
    {
      title: 'Links and uploads',
      about: 'HTTP responses of /images and /uploads a minute.',
      unit: 'reqpm',
      queries: one(
        perMinute('image_mcp_http_requests_total', 'route, status', ', route=~"/(images|uploads)/.*"'),
        '{{route}} {{status}}',
      ),
    },
  ],
}
