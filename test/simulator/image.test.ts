import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { drawImage, editImage } from '../../simulator/image.ts'

const run = promisify(execFile)
const pixels = (image: Buffer) => sharp(image).removeAlpha().raw().toBuffer()
const base = await drawImage({ prompt: 'a lake', width: 320, height: 240, format: 'png' })
const edit = (prompt: string, more: object = {}) =>
  editImage({ image: base, prompt, width: 320, height: 240, format: 'png', ...more })

test('equal prompts and variants give equal images, others differ', async (t: TestContext) => {
  const draw = (prompt: string, variant: string) =>
    drawImage({ prompt, variant, width: 128, height: 128, format: 'png' })
  const first = await draw('a fox', '1')
  t.assert.ok(first.equals(await draw('a fox', '1')))
  t.assert.ok(!first.equals(await draw('a fox', '2')))
  t.assert.ok(!first.equals(await draw('a cat', '1')))
})

test('draws any size and prompt', async (t: TestContext) => {
  for (const [width, height] of [
    [16, 16],
    [64, 64],
    [1, 1],
    [2000, 100],
    [100, 2000],
  ] as const) {
    const { width: w, height: h } = await sharp(
      await drawImage({ prompt: 'x', width, height, format: 'jpeg' }),
    ).metadata()
    t.assert.deepStrictEqual([w, h], [width, height])
  }
  for (const prompt of [
    '<b>&amp;</b> & "quotes"',
    '\u0000\u0007 \ud800 lone',
    '山'.repeat(5000),
    ' ',
    'x'.repeat(3000),
    '🦊 مرحبا',
  ]) {
    t.assert.ok((await drawImage({ prompt, width: 200, height: 200, format: 'png' })).length > 0)
  }
})

test('black and white removes all colour', async (t: TestContext) => {
  for (const prompt of ['Make this black and white', '变成黑白', 'grayscale, warm']) {
    const raw = await pixels(await edit(prompt))
    t.assert.ok(
      raw.every((value, i) => Math.abs(value - (raw[i - (i % 3)] ?? 0)) <= 1),
      prompt,
    )
  }
})

test('every kind of edit changes the image visibly', async (t: TestContext) => {
  const before = await pixels(base)
  const prompts = [
    'blur it',
    '旋转 90 度',
    'make it red',
    '暖色调',
    'invert',
    'add the text "Hi"',
    'pixelate',
    'mirror it',
    'give the fox a hat',
    '下雪',
    '',
  ]
  for (const prompt of prompts) {
    const after = await pixels(await edit(prompt))
    let difference = 0
    for (const [i, value] of after.entries()) difference += Math.abs(value - (before[i] ?? 0))
    t.assert.ok(difference / after.length > 0.3, `${prompt}: ${difference / after.length}`)
  }
})

test('colours are applied where the prompt says', async (t: TestContext) => {
  const mean = async (image: Buffer) => (await sharp(image).stats()).channels.map(({ mean }) => mean)
  const [red = 0, green = 0, blue = 0] = await mean(base)
  const [r = 0] = await mean(await edit('make it red'))
  const [, g = 0] = await mean(await edit('变成绿色'))
  const [, , b = 0] = await mean(await edit('blue please'))
  t.assert.ok(r / (green + 1) > red / (green + 1) || r > red)
  t.assert.ok(g !== green && b > blue)
})

test('a mask protects what it covers', async (t: TestContext) => {
  const half = await sharp({ create: { width: 160, height: 240, channels: 4, background: '#000000ff' } })
    .png()
    .toBuffer()
  const mask = await sharp({ create: { width: 320, height: 240, channels: 4, background: '#00000000' } })
    .composite([{ input: half, left: 0, top: 0 }])
    .png()
    .toBuffer()
  const side = (image: Buffer, left: number) =>
    sharp(image).removeAlpha().extract({ left, top: 0, width: 160, height: 240 }).raw().toBuffer()
  const edited = await edit('invert', { mask })
  t.assert.ok((await side(edited, 0)).equals(await side(base, 0)))
  t.assert.ok(!(await side(edited, 160)).equals(await side(base, 160)))
})

test('shows reference images', async (t: TestContext) => {
  t.assert.ok(!(await edit('blur', { references: [base] })).equals(await edit('blur')))
})

test('writes Latin and Chinese on a machine without fonts', async (t: TestContext) => {
  const folder = await mkdtemp(join(tmpdir(), 'simulator-fonts-'))
  t.after(() => rm(folder, { recursive: true }))
  const config = join(folder, 'fonts.conf')
  await writeFile(config, '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig></fontconfig>')
  const script = `
    import { renderText } from ${JSON.stringify(new URL('../../simulator/caption.ts', import.meta.url).href)}
    const ink = async (text) => { const { data, width } = await renderText(text, { width: 600, fontPx: 40, color: '#fff' }); return width + ':' + data.reduce((sum, value) => sum + value, 0) }
    // A missing glyph is drawn as a box, the same for signs of one kind.
    console.log(JSON.stringify([await ink('ii'), await ink('WW'), await ink('山'), await ink('鑫')]))`
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], {
    env: { ...process.env, FONTCONFIG_FILE: config },
  })
  const inks: string[] = JSON.parse(stdout)
  t.assert.strictEqual(new Set(inks).size, 4)
})
