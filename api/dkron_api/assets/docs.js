// Starts Swagger UI for the document beside the page. A file of its own, because the page allows no inline script.
SwaggerUIBundle({
  dom_id: "#api",
  url: "openapi.json",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  filter: true,
  // No service elsewhere is asked about the document.
  validatorUrl: null,
});
