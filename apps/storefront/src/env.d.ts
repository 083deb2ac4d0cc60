/// <reference types="astro/client" />

// An interface can't extend an import() type directly, and an import statement would make this file a module.
type PageLocals = import('./locals.ts').PageLocals

declare namespace App {
  interface Locals extends PageLocals {}
}
