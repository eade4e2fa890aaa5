import { Button, PasswordInput, Stack, Text, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useMutation } from '@tanstack/react-query'
import { useRouter, useSearch } from '@tanstack/react-router'
import { api } from '../api.ts'
import { TextLink } from '../ui/links.tsx'
import { AuthError } from './auth-error.tsx'
import { AuthFrame } from './auth-frame.tsx'
import { fieldFaults } from './field-faults.ts'
import { noteSignedIn } from './session-state.ts'
import { useWait } from './use-wait.ts'

export function SignInPage() {
  const router = useRouter()
  const { redirect } = useSearch({ from: '/sign-in' })
  const form = useForm({
    initialValues: { email: '', password: '' },
    validate: {
      email: (value) => (value.includes('@') ? null : 'Please give your e-mail address.'),
      password: (value) => (value === '' ? 'Please give your password.' : null),
    },
  })
  const signIn = useMutation({
    mutationFn: (body: typeof form.values) => api('POST /api/v1/auth/sign-in', { body }),
    onSuccess: ({ user }) => {
      noteSignedIn(user)
      router.history.push(redirect ?? '/my-agents')
    },
    onError: (error) => form.setErrors(fieldFaults(error)),
  })
  const waitSeconds = useWait(signIn.error)
  return (
    <AuthFrame title="Sign in" subtitle="Good to see you again.">
      <form onSubmit={form.onSubmit((values) => signIn.mutate(values))} noValidate>
        <Stack>
          {signIn.error && <AuthError error={signIn.error} waitSeconds={waitSeconds} />}
          <TextInput label="E-mail" type="email" autoComplete="username" {...form.getInputProps('email')} />
          <PasswordInput label="Password" autoComplete="current-password" {...form.getInputProps('password')} />
          <Button type="submit" size="md" loading={signIn.isPending} disabled={waitSeconds > 0}>
            Sign in
          </Button>
          <Text size="sm" c="dimmed" ta="center">
            No account yet?{' '}
            <TextLink to="/sign-up" search={redirect ? { redirect } : {}} inherit underline="always">
              Sign up
            </TextLink>
          </Text>
        </Stack>
      </form>
    </AuthFrame>
  )
}
