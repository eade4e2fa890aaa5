import { Select } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { api } from '../api.ts'

interface UserPickerProps {
  label: string
  value: string | null
  onChange: (userId: string | null) => void
}

/** Somebody by a part of their e-mail or name. */
export function UserPicker({ label, value, onChange }: UserPickerProps) {
  const [typed, setTyped] = useState('')
  const [search] = useDebouncedValue(typed.trim(), 250)
  const { data, isFetching } = useQuery({
    queryKey: ['admin-users', 'picker', search],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) =>
      api('GET /api/v1/admin/users', { query: { search: search || undefined, limit: 20 }, signal }),
  })
  const options = data?.data.map((user) => ({ value: user.id, label: user.email })) ?? []
  return (
    <Select
      label={label}
      placeholder="Part of an e-mail"
      searchable
      clearable
      searchValue={typed}
      onSearchChange={setTyped}
      nothingFoundMessage={isFetching ? 'Looking…' : 'Nobody fits that'}
      // The server has searched already, in names too.
      filter={({ options: found }) => found}
      data={options}
      value={value}
      onChange={onChange}
    />
  )
}
