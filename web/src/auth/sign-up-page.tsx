import { Button, PasswordInput, Stack, Text, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useMutation } from '@tanstack/react-query'
import { useRouter, useSearch } from '@tanstack/react-router'
import { ApiError } from '../../../api-client/src/api-error.ts'
import { api } from '../api.ts'
import { isChosenPlan } from '../plans/choose-plan.ts'
import { TextLink } from '../ui/links.tsx'
import { AuthError } from './auth-error.tsx'
import { AuthFrame } from './auth-frame.tsx'
import { fieldFaults } from './field-faults.ts'
import { noteSignedIn } from './session-state.ts'
import { useWait } from './use-wait.ts'

const minPasswordLength = 8

export function SignUpPage() {
  const router = useRouter()
  const { redirect } = useSearch({ from: '/sign-up' })
  const form = useForm({
    initialValues: { first_name: '', email: '', password: '' },
    validate: {
      email: (value) => (/^\S+@\S+$/.test(value.trim()) ? null : 'Please give your e-mail address.'),
      password: (value) =>
        value.length < minPasswordLength ? `Please take at least ${minPasswordLength} characters.` : null,
    },
  })
  const signUp = useMutation({
    mutationFn: ({ first_name, ...body }: typeof form.values) =>
      api('POST /api/v1/auth/sign-up', { body: { ...body, first_name: first_name.trim() || null } }),
    onSuccess: ({ user }) => {
      noteSignedIn(user)
      router.history.push(redirect ?? '/agents')
    },
    onError: (error) => form.setErrors(fieldFaults(error)),
  })
  const waitSeconds = useWait(signUp.error)
  const isTaken = signUp.error instanceof ApiError && signUp.error.code === 'email_not_available'
  const search = redirect ? { redirect } : {}
  return (
    <AuthFrame
      title="Create your account"
      subtitle={
        isChosenPlan(redirect)
          ? 'First your account, then the plan you chose. Nothing is charged before you say so.'
          : 'Pick an agent, fill in a form, ask. No card needed.'
      }
    >
      <form onSubmit={form.onSubmit((values) => signUp.mutate(values))} noValidate>
        <Stack>
          {signUp.error && <AuthError error={signUp.error} waitSeconds={waitSeconds} />}
          {isTaken && (
            <TextLink to="/sign-in" search={search} size="sm" underline="always">
              Sign in with this address
            </TextLink>
          )}
          <TextInput
            label="First name"
            description="If you like; agents you publish carry it."
            autoComplete="given-name"
            maxLength={100}
            {...form.getInputProps('first_name')}
          />
          <TextInput label="E-mail" type="email" autoComplete="username" {...form.getInputProps('email')} />
          <PasswordInput
            label="Password"
            description="At least 8 characters. A few words are easier to keep in mind than a puzzle."
            autoComplete="new-password"
            {...form.getInputProps('password')}
          />
          <Button type="submit" size="md" loading={signUp.isPending} disabled={waitSeconds > 0}>
            Sign up
          </Button>
          <Text size="sm" c="dimmed" ta="center">
            You have an account?{' '}
            <TextLink to="/sign-in" search={search} inherit underline="always">
              Sign in
            </TextLink>
          </Text>
        </Stack>
      </form>
    </AuthFrame>
  )
}
