import { Button, Group, PasswordInput, Stack } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { ApiError } from '../../../api-client/src/api-error.ts'
import { api } from '../api.ts'
import { AuthError } from '../auth/auth-error.tsx'
import { fieldFaults } from '../auth/field-faults.ts'
import { useWait } from '../auth/use-wait.ts'
import { toastDone } from '../ui/toast.ts'
import { Section } from './section.tsx'

export function PasswordForm({ email }: { email: string }) {
  const queryClient = useQueryClient()
  const form = useForm({
    initialValues: { current_password: '', new_password: '' },
    validate: {
      current_password: (value) => (value === '' ? 'Please give your present password.' : null),
      new_password: (value) => (value.length < 8 ? 'At least 8 characters.' : null),
    },
  })
  const change = useMutation({
    mutationFn: (body: typeof form.values) => api('POST /api/v1/me/password', { body }),
    onSuccess: () => {
      form.reset()
      void queryClient.invalidateQueries({ queryKey: ['sessions'] })
      toastDone('Your password is changed. All other devices are signed out.')
    },
    onError: (error) => {
      if (error instanceof ApiError && error.code === 'wrong_credentials') {
        form.setErrors({ current_password: 'This is not your present password.' })
      } else form.setErrors(fieldFaults(error))
    },
  })
  const waitSeconds = useWait(change.error)
  const hasFaults = Object.keys(form.errors).length > 0
  return (
    <Section title="Password" description="Changing it signs out every other device. API keys go on working.">
      <form onSubmit={form.onSubmit((values) => change.mutate(values))} noValidate>
        <Stack>
          {change.error && !hasFaults && <AuthError error={change.error} waitSeconds={waitSeconds} />}
          {/* For password managers, so that they know whose password changes. */}
          <input type="text" name="username" autoComplete="username" value={email} readOnly hidden />
          <PasswordInput
            label="Present password"
            autoComplete="current-password"
            {...form.getInputProps('current_password')}
          />
          <PasswordInput
            label="New password"
            description="At least 8 characters. A few words in a row are good."
            autoComplete="new-password"
            {...form.getInputProps('new_password')}
          />
          <Group justify="flex-end">
            <Button type="submit" loading={change.isPending} disabled={waitSeconds > 0}>
              Change password
            </Button>
          </Group>
        </Stack>
      </form>
    </Section>
  )
}
