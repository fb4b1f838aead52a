/** Sentences in both languages: the Chinese has the type of the English, so that neither lacks one. */
export const bilingual = <Sentences>(en: Sentences, zh: NoInfer<Sentences>): { en: Sentences; zh: Sentences } => ({
  en,
  zh,
})
