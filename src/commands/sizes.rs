//! What only data can say of configurations: whether networks fit the images, parameters, costs.

use modiste_data::FASHION_CLASSES;
use modiste_train::Config;

use crate::engine;
use crate::failure::Failure;

/// A configuration with its data looked at.
#[derive(Clone, Copy, Debug)]
pub struct RunSize {
    /// Trainable parameters.
    pub parameters: usize,
    /// Multiply-adds of all training images of all epochs, forward.
    pub training_cost: u64,
    /// Validation images.
    pub validation_images: usize,
    /// Whether the classes are the paper's.
    pub fashion: bool,
}

/// That of each configuration; data that several have are loaded once.
///
/// # Errors
/// If data cannot be had, a network does not fit them, or they cannot be trained on as a
/// configuration says.
pub fn measure(configs: &[&Config]) -> Result<Vec<RunSize>, Failure> {
    let mut sizes = vec![None; configs.len()];
    let mut firsts: Vec<&Config> = Vec::new();
    for config in configs {
        if !firsts.iter().any(|first| first.same_data(config)) {
            firsts.push(config);
        }
    }
    for first in firsts {
        let data = first.load_data()?;
        let same = configs.iter().enumerate().filter(|(_, config)| config.same_data(first));
        for (i, config) in same {
            config.check_data(&data)?;
            engine::check_batch(config.training.batch)?;
            let network = config.network(&data)?;
            sizes[i] = Some(RunSize {
                parameters: network.trainable(),
                training_cost: network.multiply_adds()
                    * (data.train.len() * config.training.epochs) as u64,
                validation_images: data.validation.len(),
                fashion: data.classes == FASHION_CLASSES,
            });
        }
    }
    Ok(sizes.into_iter().map(|size| size.expect("every configuration has data")).collect())
}
