//! Plain weights for other programs: a safetensors file without metadata.

use modiste_spec::engine::Tensor;
use safetensors::tensor::{Dtype, TensorView, serialize};

use crate::ExportError;

/// The bytes of a safetensors file of `parameters`, with their names and without metadata; equal parameters
/// give equal bytes.
///
/// # Errors
/// If two tensors share a name, or the number of values does not fit the shape.
pub fn weights(parameters: &[Tensor]) -> Result<Vec<u8>, ExportError> {
    let bytes = |t: &Tensor| t.values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let data: Vec<Vec<u8>> = parameters.iter().map(bytes).collect();
    let views: Vec<(&str, TensorView<'_>)> = (parameters.iter().zip(&data))
        .map(|(t, data)| Ok((t.name.as_str(), TensorView::new(Dtype::F32, t.shape.clone(), data)?)))
        .collect::<Result<_, safetensors::SafeTensorError>>()?;
    Ok(serialize(views, None)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use modiste_spec::engine::State;
    use modiste_spec::{InceptionResNet, Shape};
    use safetensors::SafeTensors;

    #[test]
    fn tensors_survive_a_round_trip() {
        let settings = InceptionResNet { length: 1, width: 2, ..InceptionResNet::default() };
        let network = settings.network(Shape::new(28, 28, 1), 10).unwrap();
        let parameters = State::initial(&network, 7).parameters;
        let bytes = weights(&parameters).unwrap();
        assert_eq!(bytes, weights(&parameters).unwrap());
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        assert_eq!(*header.metadata(), None);
        let file = SafeTensors::deserialize(&bytes).unwrap();
        assert_eq!(file.len(), parameters.len());
        for tensor in &parameters {
            let view = file.tensor(&tensor.name).unwrap();
            assert_eq!((view.dtype(), view.shape()), (Dtype::F32, &tensor.shape[..]));
            let value = |bytes: &[u8; 4]| f32::from_le_bytes(*bytes);
            let values: Vec<f32> = view.data().as_chunks().0.iter().map(value).collect();
            assert_eq!(values, tensor.values);
        }
    }

    #[test]
    fn a_wrong_shape_is_an_error() {
        let tensor = Tensor { name: "w".into(), shape: vec![2, 3], values: vec![0.0; 5] };
        assert!(weights(&[tensor]).unwrap_err().to_string().contains("safetensors format"));
    }
}
