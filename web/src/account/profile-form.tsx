import { Avatar, Button, Group, SimpleGrid, Stack, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useDebouncedValue } from '@mantine/hooks'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import type { User } from '../../../api-client/src/api-types.ts'
import { api } from '../api.ts'
import { fieldFaults } from '../auth/field-faults.ts'
import { userQueryKey } from '../auth/session-state.ts'
import { ErrorState } from '../ui/error-state.tsx'
import { toastDone } from '../ui/toast.ts'
import { Section } from './section.tsx'

export function ProfileForm({ user }: { user: User }) {
  const queryClient = useQueryClient()
  const form = useForm({
    initialValues: {
      first_name: user.first_name ?? '',
      last_name: user.last_name ?? '',
      avatar_url: user.avatar_url ?? '',
    },
    validate: { avatar_url: (value) => (isPicture(value) ? null : 'An address that begins with https://') },
    validateInputOnBlur: true,
  })
  const save = useMutation({
    mutationFn: (values: typeof form.values) =>
      api('PATCH /api/v1/me', {
        body: {
          first_name: values.first_name.trim() || null,
          last_name: values.last_name.trim() || null,
          avatar_url: values.avatar_url.trim() || null,
        },
      }),
    onSuccess: (changed, sent) => {
      queryClient.setQueryData(userQueryKey, changed)
      form.resetDirty(sent)
      toastDone('Your profile is saved.')
    },
    onError: (error) => form.setErrors(fieldFaults(error)),
  })
  const faults = Object.keys(form.errors).length
  return (
    <Section title="Profile" description="How you are named here. Others see it at agents that you publish.">
      <form onSubmit={form.onSubmit((values) => save.mutate(values))} noValidate>
        <Stack>
          {save.error && faults === 0 && <ErrorState error={save.error} />}
          <SimpleGrid cols={{ base: 1, xs: 2 }}>
            <TextInput
              label="First name"
              autoComplete="given-name"
              maxLength={100}
              {...form.getInputProps('first_name')}
            />
            <TextInput
              label="Last name"
              autoComplete="family-name"
              maxLength={100}
              {...form.getInputProps('last_name')}
            />
          </SimpleGrid>
          <Group align="flex-start" wrap="nowrap">
            <AvatarPreview url={form.values.avatar_url} name={`${form.values.first_name} ${form.values.last_name}`} />
            <TextInput
              label="Avatar address"
              description="Where your picture can be found on the web."
              placeholder="https://example.com/me.png"
              type="url"
              inputMode="url"
              maxLength={255}
              flex={1}
              {...form.getInputProps('avatar_url')}
            />
          </Group>
          <Group justify="flex-end">
            <Button type="submit" loading={save.isPending} disabled={!form.isDirty()}>
              Save profile
            </Button>
          </Group>
        </Stack>
      </form>
    </Section>
  )
}

// A picture is asked for when the address is whole, not with each letter.
function AvatarPreview({ url, name }: { url: string; name: string }) {
  const [settled] = useDebouncedValue(url.trim(), 600)
  return (
    <Avatar
      key={settled}
      src={settled !== '' && isPicture(settled) ? settled : null}
      name={name.trim() || undefined}
      size={64}
      mt={4}
      color="spruce"
      alt="Preview of your avatar"
      imageProps={{ referrerPolicy: 'no-referrer' }}
    />
  )
}

function isPicture(value: string): boolean {
  return value.trim() === '' || (/^https?:\/\/[^\s/]+/.test(value.trim()) && URL.canParse(value.trim()))
}
