import { type InstallLink, installLinks, localInstallLinks } from '../routes/home/install-links.ts'

/** The buttons of the documentation, between `<!-- install KIND -->` and `<!-- /install -->`. `npm run docs` writes them. */

const links: Readonly<Record<string, () => readonly InstallLink[]>> = {
  // For the address of the quick start, which needs no key.
  running: () => installLinks('http://localhost:8000/mcp', false),
  npm: localInstallLinks,
}

const button = ({ client, href }: InstallLink): string =>
  `[![${client}](https://img.shields.io/badge/${client.replaceAll(' ', '_')}-+-0b5cad)](${href})\n`

export function withInstallButtons(markdown: string): string {
  return markdown.replace(
    /(<!-- install (\w+) -->\n)[\s\S]*?(<!-- \/install -->)/g,
    (_all, begin: string, kind: string, end: string) => {
      const of = links[kind]
      if (of === undefined) throw new Error(`no buttons are named ${kind}`)
      return begin + of().map(button).join('') + end
    },
  )
}
