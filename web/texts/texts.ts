import { appTexts } from './app.ts'
import { compareTexts } from './compare.ts'
import { editorTexts } from './editor.ts'
import { galleryTexts } from './gallery.ts'
import { generateTexts } from './generate.ts'
import { historyTexts } from './history.ts'
import { viewerTexts } from './viewer.ts'

/**
 * Every sentence of the studio. A file of this folder belongs to one screen; its Chinese has the type of its English, so that
 * neither lacks one. Sentences of the service are shown as they come.
 */
export const textsOf = {
  en: {
    app: appTexts.en,
    gallery: galleryTexts.en,
    viewer: viewerTexts.en,
    generate: generateTexts.en,
    editor: editorTexts.en,
    compare: compareTexts.en,
    history: historyTexts.en,
  },
  zh: {
    app: appTexts.zh,
    gallery: galleryTexts.zh,
    viewer: viewerTexts.zh,
    generate: generateTexts.zh,
    editor: editorTexts.zh,
    compare: compareTexts.zh,
    history: historyTexts.zh,
  },
}

export type Language = keyof typeof textsOf
export type Texts = (typeof textsOf)['en']

/** @param locale BCP 47 */
export const languageOf = (locale: string): Language => (locale.toLowerCase().startsWith('zh') ? 'zh' : 'en')
