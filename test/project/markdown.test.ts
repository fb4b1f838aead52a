import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { parse } from 'yaml'
import { documents, examplesOf, isDockers, readDocument } from '../support/markdown.ts'

const root = join(import.meta.dirname, '../..')
const examples = documents.flatMap(examplesOf)

/** As GitHub makes them from headings: https://github.com/Flet/github-slugger */
const anchorsOf = (document: string): string[] =>
  [...readDocument(document).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )

describe('the documentation', () => {
  test('links only to files and headings that exist', (t: TestContext) => {
    const broken: string[] = []
    for (const document of documents) {
      for (const [, target = ''] of readDocument(document).matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(target)) continue
        const [path = '', anchor] = decodeURI(target).split('#')
        const file = path === '' ? document : join(dirname(document), path)
        const isGood =
          existsSync(join(root, file)) && (anchor === undefined || anchorsOf(file).includes(anchor.toLowerCase()))
        if (!isGood) broken.push(`${document}: ${target}`)
      }
    }
    t.assert.deepEqual(broken, [])
  })

  test('names only files that exist', (t: TestContext) => {
    const missing: string[] = []
    for (const document of [...documents, 'simulator/README.md']) {
      for (const [, path = ''] of readDocument(document).matchAll(
        /`((?:services|routes|plugins|schemas|scripts|simulator|test|bench|deploy|bin)\/[\w./-]+)`/g,
      )) {
        if (!existsSync(join(root, path))) missing.push(`${document}: ${path}`)
      }
    }
    t.assert.deepEqual(missing, [])
  })

  test('shows valid JSON and YAML', (t: TestContext) => {
    for (const { document, line, language, code } of examples) {
      if (language === 'json') t.assert.doesNotThrow(() => JSON.parse(code), `${document}:${line}`)
      if (language === 'yaml') t.assert.doesNotThrow(() => parse(code), `${document}:${line}`)
    }
  })

  test('excludes few examples from its test, each with a reason', (t: TestContext) => {
    for (const document of documents) {
      const left = examplesOf(document).filter(({ mark }) => mark?.startsWith('not run'))
      t.assert.ok(left.length <= 5, `${document}: ${left.length}`)
      for (const { line, mark } of left) t.assert.match(mark ?? '', /^not run: \w.{8,}/, `${document}:${line}`)
    }
  })

  test("shows Docker's commands only with files that exist", (t: TestContext) => {
    const shown = examples.filter(isDockers)
    t.assert.ok(shown.length > 20)
    for (const { document, line, code } of shown) {
      for (const [, file = ''] of code.matchAll(/(?:-f|--compose-file) (\S+\.yml)/g)) {
        t.assert.ok(existsSync(join(root, file)), `${document}:${line}: ${file}`)
      }
    }
  })

  test('never silences curl without showing its errors', (t: TestContext) => {
    const silent = examples.filter(({ code }) => /\bcurl (?:.* )?-s\b|--silent(?!.*--show-error)/.test(code))
    t.assert.deepEqual(
      silent.map(({ document, line }) => `${document}:${line}`),
      [],
    )
  })

  test('has the same content in both languages', (t: TestContext) => {
    const translations = documents.filter((document) => document.endsWith('.zh-CN.md'))
    t.assert.ok(translations.length > 3)
    for (const chinese of translations) {
      const english = chinese.replace('.zh-CN.md', '.md')
      const commands = (document: string) =>
        examplesOf(document).map(({ code }) =>
          code
            .replace(/^\s*#.*$/gm, '')
            .replace(/ +# .*$/gm, '')
            .replace(/<[^<>\n]+ ID>/g, '<ID>'),
        )
      t.assert.deepEqual(commands(chinese), commands(english))
      const levels = (document: string) => [...readDocument(document).matchAll(/^(#+) /gm)].map(([, level]) => level)
      t.assert.deepEqual(levels(chinese), levels(english), `${chinese} has other headings`)
    }
  })

  const pairs = documents
    .filter((document) => document.endsWith('.zh-CN.md'))
    .map((chinese) => [chinese.replace('.zh-CN.md', '.md'), chinese] as const)

  /** Outside of examples, with links to other documents as in English. */
  const prose = (document: string) =>
    readDocument(document)
      .replace(/^ *```[\s\S]*?^ *```$/gm, '')
      .replace(/\]\([^)]*\)/g, ']')
      .split('\n')

  for (const [english, chinese] of pairs) {
    test(`has the same lists and table rows in ${chinese} as in English, with the same names in each row`, (t: TestContext) => {
      const shape = (document: string) =>
        prose(document).flatMap((line) => {
          if (!line.startsWith('|')) return /^ *(#+|[-*]|\d+\.) /.exec(line)?.[1]?.replace(/\d+/, '1') ?? []
          const names = [...line.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name.replace('.zh-CN', ''))
          return `| ${names.toSorted().join(' ')}`
        })
      t.assert.deepEqual(shape(chinese), shape(english))
    })
  }

  test('has one Chinese word for one thing, the one of the field', (t: TestContext) => {
    const banned = {
      帐户: '账户',
      帐号: '账户',
      账号: '账户',
      回答: '响应',
      签发者: '颁发者',
      凭证: '凭据',
      秘钥: '密钥',
    }
    const found = pairs.flatMap(([, chinese]) =>
      Object.entries(banned).flatMap(([word, right]) =>
        readDocument(chinese).includes(word) ? [`${chinese}: ${word}, not ${right}`] : [],
      ),
    )
    t.assert.deepEqual(found, [])
  })
})
