interface ApiKey {
  id: string
  name: string
  prefix: string
  last_used_at: string | null
  expires_at: string | null
  revoked_at: string | null
  created_at: string
}

export interface TemporaryRoutes {
  'GET /api/v1/api-keys': { response: { data: ApiKey[] } }
  'POST /api/v1/api-keys': { body: { name: string; expires_at?: string }; response: ApiKey & { key: string } }
  'PATCH /api/v1/api-keys/:id': { params: { id: string }; body: { name: string }; response: ApiKey }
  'DELETE /api/v1/api-keys/:id': { params: { id: string }; response: undefined }
}
