//! A checksum of everything that training changes.

use modiste_spec::engine::{State, Tensor};

/// CRC-32, as 8 hexadecimal digits, of each tensor (name, 0, values as little endian): parameters and
/// running statistics in the network's order, then the slots by name (slot, 0, its tensors).
pub(crate) fn state_digest(state: &State) -> String {
    let mut crc = crc32fast::Hasher::new();
    let mut add = |tensors: &[Tensor]| {
        for tensor in tensors {
            crc.update(tensor.name.as_bytes());
            crc.update(&[0]);
            let bytes: Vec<u8> = tensor.values.iter().flat_map(|v| v.to_le_bytes()).collect();
            crc.update(&bytes);
        }
    };
    add(&state.parameters);
    for (slot, tensors) in &state.slots {
        add(&[Tensor { name: slot.clone(), shape: vec![], values: vec![] }]);
        add(tensors);
    }
    format!("{:08x}", crc.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bit_of_any_tensor_counts() {
        let tensor = |value| vec![Tensor { name: "w".into(), shape: vec![1], values: vec![value] }];
        let mut state = State::of_parameters(tensor(1.0));
        state.slots.insert("momentum".into(), tensor(2.0));
        let digest = state_digest(&state);
        assert_eq!(digest, state_digest(&state.clone()));
        let mut other = state.clone();
        other.parameters[0].values[0] = f32::from_bits(1f32.to_bits() + 1);
        assert_ne!(digest, state_digest(&other));
        state.slots = [("average".to_owned(), tensor(2.0))].into();
        assert_ne!(digest, state_digest(&state));
    }
}
