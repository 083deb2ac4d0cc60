// Swagger UI brings its dark colors under this class.
const dark = matchMedia('(prefers-color-scheme: dark)')
const follow = () => document.documentElement.classList.toggle('dark-mode', dark.matches)
dark.addEventListener('change', follow)
follow()

SwaggerUIBundle({
  url: '/api/openapi.json',
  dom_id: '#reference',
  deepLinking: true,
  docExpansion: 'list',
  displayRequestDuration: true,
  persistAuthorization: false,
  defaultModelsExpandDepth: 0,
  // The API refuses a token and a cookie together; with a token the browser's guest cookie stays at home.
  requestInterceptor: request => {
    request.credentials = request.headers.Authorization ? 'omit' : 'same-origin'
    return request
  },
})
