/** HTML that is known to be safe: written here, with everything put into it escaped. */
export class Markup {
  readonly html: string
  constructor(html: string) {
    this.html = html
  }
}

type Part = string | number | Markup | readonly Markup[] | undefined

/** A template that escapes what is put into it; only other templates go in as they are. Attributes need quotes. */
export function markup(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return new Markup(strings.reduce((html, text, index) => html + render(parts[index - 1]) + text))
}

/** Text of this source, such as a style sheet. Never anything that came from outside. */
export function constant(html: string): Markup {
  return new Markup(html)
}

function render(part: Part): string {
  if (part === undefined) return ''
  if (part instanceof Markup) return part.html
  if (typeof part === 'object') return part.map(item => item.html).join('')
  return escapeHtml(String(part))
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)
}
