// Minus and plus beside a number field. The field alone works too: the buttons need this script to mean anything,
// so this script makes them.
for (const box of document.querySelectorAll<HTMLElement>('[data-quantity]')) {
  const input = box.querySelector('input')
  if (!input) continue
  box.prepend(button('−', `Less: ${input.labels?.[0]?.textContent ?? ''}`, () => step(input, 'down')))
  box.append(button('+', `More: ${input.labels?.[0]?.textContent ?? ''}`, () => step(input, 'up')))
}

function button(sign: string, label: string, press: () => void): HTMLButtonElement {
  const element = document.createElement('button')
  element.type = 'button'
  element.textContent = sign
  element.setAttribute('aria-label', label)
  element.addEventListener('click', press)
  return element
}

function step(input: HTMLInputElement, direction: 'up' | 'down'): void {
  if (direction === 'up') input.stepUp()
  else input.stepDown()
  input.dispatchEvent(new Event('change', { bubbles: true }))
}

export {}
