import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { ServiceError } from '../../../services/errors/errors.ts'
import { joinName, parseOutputPath } from '../../../services/library/output-path.ts'
import { checkProperty } from '../../support/property.ts'

const roots = ['/srv/images', '/mnt/data/images']
const outside = "The output path leads outside the server's images folder; give a relative path such as sunset.png."
const wrong = (problem: string) => `The output path cannot be used: ${problem}.`
const folder = wrong('it names a folder; add a file name')
const dotted = wrong('names that begin with a dot are not allowed')
const trailing = wrong('names that end with a dot or a space are not allowed')
const device = wrong('it contains a device name reserved by Windows')
const control = wrong('it contains control characters')
const backslash = wrong('it contains a backslash; use / between folders')
const colon = wrong('it contains a colon; drive letters, URLs and streams are not allowed')

const accepted: [outputPath: string, segments: string[]][] = [
  ['sunset.png', ['sunset.png']],
  ['./a/../sunset.png', ['sunset.png']],
  ['trips/2026/sunset.png', ['trips', '2026', 'sunset.png']],
  ['/srv/images/sunset.png', ['sunset.png']],
  ['/mnt/data/images/a/sunset.png', ['a', 'sunset.png']],
  ['/srv/../srv/images//sunset.png', ['sunset.png']],
  ['夕日 日落.png', ['夕日 日落.png']],
  ['👨‍👩‍👧.png', ['👨‍👩‍👧.png']],
  ['%2e%2e/sunset.png', ['%2e%2e', 'sunset.png']],
  ['a~b.png', ['a~b.png']],
  ['console.png', ['console.png']],
  ['x'.repeat(255), ['x'.repeat(255)]],
]
for (const [outputPath, segments] of accepted) {
  test(`accepts ${outputPath.slice(0, 40)}`, (t: TestContext) => {
    const { folders, fileName } = parseOutputPath(outputPath, roots)
    t.assert.deepStrictEqual([...folders, fileName], segments)
  })
}

const rejected: [outputPath: string, sentence: string][] = [
  ['', wrong('it is empty; use a file name such as sunset.png')],
  ['../sunset.png', outside],
  ['a/../../sunset.png', outside],
  ['/etc/passwd', outside],
  ['/srv/images-of-others/x.png', outside],
  ['/srv/images/../x.png', outside],
  ['/', folder],
  ['.', wrong('it names the images folder itself; add a file name')],
  ['/srv/images', wrong('it names the images folder itself; add a file name')],
  ['/srv/images/', folder],
  ['a/', folder],
  ['a/.', folder],
  ['a/..', folder],
  ['.hidden.png', dotted],
  ['.abandoned/x.png', dotted],
  ['.../x.png', dotted],
  ['a\0.png', control],
  ['a\nb.png', control],
  ['a\u202egnp.png', control],
  ['a\u2028b.png', control],
  ['a\u0085b.png', control],
  ['\ud800.png', wrong('it is not valid Unicode')],
  ['..\\x.png', backslash],
  ['\\\\server\\share\\x.png', backslash],
  ['C:/x.png', colon],
  ['file:///srv/images/x.png', colon],
  ['x.png:stream', colon],
  ['~/x.png', wrong('it begins with ~, which is not expanded; use a relative path')],
  ['x.png.', trailing],
  ['x.png ', trailing],
  ['a /x.png', trailing],
  ['con', device],
  ['NUL.png', device],
  ['aux.tar/x.png', device],
  ['com1.png', device],
  ['lpt².png', device],
  [`${'x'.repeat(252)}.png`, wrong('a name in it is longer than 255 bytes')],
  [`${'日'.repeat(100)}.png`, wrong('a name in it is longer than 255 bytes')],
  ['x'.repeat(300), wrong('a name in it is longer than 255 bytes')],
  [`${'a/'.repeat(3000)}x.png`, wrong('it is longer than 4096 bytes')],
  [`${'a/'.repeat(40)}x.png`, wrong('it has more than 32 folders')],
]
for (const [outputPath, sentence] of rejected) {
  test(`rejects ${JSON.stringify(outputPath.slice(0, 40))} with its own sentence`, (t: TestContext) => {
    t.assert.throws(
      () => parseOutputPath(outputPath, roots),
      (error) => {
        t.assert.ok(error instanceof ServiceError)
        t.assert.strictEqual(error.message, sentence)
        return true
      },
    )
  })
}

test('shortens a stem by whole characters so that the name stays within 255 bytes', (t: TestContext) => {
  t.assert.strictEqual(joinName('日'.repeat(85), '-2.png'), `${'日'.repeat(83)}-2.png`)
  t.assert.strictEqual(joinName('😀'.repeat(64), '.png'), `${'😀'.repeat(62)}.png`)
})

test('any accepted text lies below the folder, under names that are valid on every system', async (t: TestContext) => {
  const part = fc.oneof(
    fc.constantFrom(
      '..',
      '.',
      '',
      'a',
      '...',
      '.a',
      'a.',
      '..\\',
      '\0',
      'C:',
      '~',
      'con',
      ' ',
      '/srv/images',
      '\ud800',
    ),
    fc.string({ unit: 'binary', maxLength: 6 }),
  )
  const place = fc.tuple(fc.constantFrom('', '/', '/srv/images/', '//'), fc.array(part, { maxLength: 8 }))
  await checkProperty(
    t,
    fc.property(place, ([head, parts]) => {
      try {
        const { folders, fileName } = parseOutputPath(head + parts.join('/'), roots)
        return [...folders, fileName].every(
          (name) => /^[^./\\:\p{Cc}][^/\\:\p{Cc}]*$/u.test(name) && !/[. ]$/.test(name),
        )
      } catch (error) {
        return error instanceof ServiceError && /^IMG_ERR_PATH_/.test(error.code)
      }
    }),
    { numRuns: 8000 },
  )
})
